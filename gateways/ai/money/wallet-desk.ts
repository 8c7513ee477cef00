import { type Payer, type Reservation, WalletLine, type WalletLineParts } from "./wallet-line.ts";

/** A line that has been empty and unused for this long is forgotten. */
const forgottenAfterMs = 60_000;

type OrganisationParts = Omit<WalletLineParts, "onScope">;

/**
 * The wallets of an organisation's requests: one line of money, or one for each value of the fields
 * by which its budgets tell requests apart.
 */
export class OrganisationWallet {
  readonly #parts: OrganisationParts;
  readonly #lines = new Map<string, WalletLine>();
  /** Lines from before budgets changed: they end what they began. */
  readonly #retired = new Set<WalletLine>();
  /** Until quota has said it, every request's fields count. */
  #scopedBy: readonly string[] = ["project", "user", "key", "model"];

  constructor(parts: OrganisationParts) {
    this.#parts = parts;
  }

  get isEmpty(): boolean {
    return this.#lines.size + this.#retired.size === 0;
  }

  lineOf(payer: Payer): WalletLine {
    const name = this.#nameOf(payer);
    const existing = this.#lines.get(name);
    if (existing !== undefined) return existing;
    const line = new WalletLine(payer, {
      ...this.#parts,
      onScope: (scopedBy) => this.#rescope(scopedBy, line),
    });
    this.#lines.set(name, line);
    return line;
  }

  #nameOf(payer: Payer): string {
    let name = "";
    for (const field of this.#scopedBy) {
      if (field === "project") name += `p${payer.projectId}|`;
      else if (field === "user") name += `u${payer.userId}|`;
      else if (field === "key") name += `k${payer.keyId}|`;
      else if (field === "model") name += `m${payer.model}|`;
    }
    return name;
  }

  /** Budgets tell requests apart otherwise than before: the line that heard it serves on. */
  #rescope(scopedBy: readonly string[], heard: WalletLine): void {
    if (String(scopedBy) === String(this.#scopedBy)) return;
    this.#scopedBy = scopedBy;
    for (const line of this.#lines.values()) {
      if (line === heard) continue;
      line.retire();
      this.#retired.add(line);
    }
    this.#lines.clear();
    this.#retired.delete(heard);
    this.#lines.set(this.#nameOf(heard.payer), heard);
  }

  forgetRefusals(): void {
    for (const line of this.#lines.values()) line.forgetRefusal();
  }

  offer(): void {
    for (const line of this.#lines.values()) line.offer();
  }

  tick(nowMs: number): void {
    for (const [name, line] of this.#lines) {
      line.tick(nowMs);
      if (line.isAtRest && nowMs - line.usedAtMs > forgottenAfterMs) this.#lines.delete(name);
    }
    for (const line of this.#retired) {
      line.tick(nowMs);
      if (line.isAtRest) this.#retired.delete(line);
    }
  }

  async close(): Promise<void> {
    const lines = [...this.#lines.values(), ...this.#retired];
    await Promise.all(lines.map((line) => line.close()));
  }
}

/** All organisations that spend money through this replica. */
export class WalletDesk {
  readonly #parts: OrganisationParts;
  readonly #wallets = new Map<string, OrganisationWallet>();

  constructor(parts: Omit<OrganisationParts, "standing">) {
    this.#parts = { ...parts, standing: new Set() };
  }

  walletOf(organisationId: string): OrganisationWallet {
    let wallet = this.#wallets.get(organisationId);
    if (wallet === undefined) {
      wallet = new OrganisationWallet(this.#parts);
      this.#wallets.set(organisationId, wallet);
    }
    return wallet;
  }

  /** See `WalletLine.reserve`; at once where it can be. */
  reserve(
    payer: Payer,
    { wantedNanos, leastNanos }: { readonly wantedNanos: bigint; readonly leastNanos: bigint },
  ): Reservation | Promise<Reservation> {
    const line = this.walletOf(payer.organisationId).lineOf(payer);
    return line.tryReserve(wantedNanos) ?? line.reserve(wantedNanos, leastNanos);
  }

  /** The money of these organisations has changed; of all, when none is named. */
  forgetRefusals(organisationIds?: readonly string[]): void {
    for (const id of organisationIds ?? this.#wallets.keys()) {
      const wallet = this.#wallets.get(id);
      wallet?.forgetRefusals();
      // Not all at once, where it is not known whose it is.
      if (organisationIds !== undefined) wallet?.offer();
    }
  }

  tick(nowMs: number): void {
    for (const [id, wallet] of this.#wallets) {
      wallet.tick(nowMs);
      if (wallet.isEmpty) this.#wallets.delete(id);
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#wallets.values()].map((wallet) => wallet.close()));
  }
}
