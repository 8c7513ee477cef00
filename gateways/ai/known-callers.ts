import { IdentityCache, type IdentityCacheOptions, type Known } from "@tandem/libs/gateway";

/** Whether this use of a key is in the batch that is being gathered. */
export interface UseMark {
  isNoted: boolean;
}

/** A key and when it was used, in milliseconds since 1970. */
export interface KeyUse {
  readonly keyId: string;
  readonly usedAtMs: number;
}

/**
 * Verified callers that remember which of them came since they were last asked. In the steady path
 * that is the look at one flag; the time is that of the first use since, never one after the last.
 */
export class KnownCallers extends IdentityCache<UseMark> {
  readonly #nowMs: () => number;
  #uses: KeyUse[] = [];
  #marks: UseMark[] = [];

  constructor(options: Omit<IdentityCacheOptions<UseMark>, "createExtra">) {
    super({ ...options, createExtra: () => ({ isNoted: false }) });
    this.#nowMs = () => options.clock.nowMs();
  }

  override admit(known: Known<UseMark>): boolean {
    const isDegraded = super.admit(known);
    if (!known.extra.isNoted) this.#note(known);
    return isDegraded;
  }

  #note({ identity, extra }: Known<UseMark>): void {
    extra.isNoted = true;
    this.#marks.push(extra);
    this.#uses.push({ keyId: identity.claims.keyId, usedAtMs: this.#nowMs() });
  }

  takeUses(): readonly KeyUse[] {
    const uses = this.#uses;
    for (const mark of this.#marks) mark.isNoted = false;
    this.#uses = [];
    this.#marks = [];
    return uses;
  }
}
