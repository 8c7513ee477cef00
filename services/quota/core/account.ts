/**
 * The accounts of the ledger. A wallet is what an organisation may still lease; a hold is what one
 * lease has taken from it. The platform's own accounts are hot, so each is kept in sixteen stripes;
 * the balance of an account is the sum of its stripes.
 */
export const stripes = 16;

/**
 * - `grants`: where granted credit comes from; negative by what was ever granted.
 * - `payments`: where purchased credit comes from; negative by what was ever paid.
 * - `revenue`: what requests were charged.
 * - `expired`: credit that ran out of time.
 * - `given_back`: negative by what requests were charged first and given back later. Beside `revenue`
 *   and not out of it, so that a transaction still writes to one stripe alone.
 */
export const platformKinds = ["grants", "payments", "revenue", "expired", "given_back"] as const;
export type PlatformKind = (typeof platformKinds)[number];
export type AccountKind = "wallet" | "hold" | PlatformKind;

export type TransferKind =
  | "grant"
  | "purchase"
  | "lease"
  | "release"
  | "settlement"
  | "give_back"
  | "expiry"
  | "take_back";

/** Moves between a wallet and its own holds: of no interest to whoever reads a statement. */
export const internalTransferKinds: readonly TransferKind[] = ["lease", "release"];

export function walletAccount(organisationId: string): string {
  return `wallet:${organisationId}`;
}

export function holdAccount(leaseId: string): string {
  return `hold:${leaseId}`;
}

export function platformAccount(
  kind: PlatformKind,
  { currency, stripe }: { readonly currency: string; readonly stripe: number },
): string {
  return `platform:${kind}:${currency}:${String(stripe).padStart(2, "0")}`;
}

/** What gives credit goes below zero by what it has given; nothing else may. */
export function mayBeNegative(kind: AccountKind): boolean {
  return kind === "grants" || kind === "payments" || kind === "given_back";
}
