/** `GET /user/balance` as DeepSeek answers it. */

export interface WalletBalance {
  readonly currency: string;
  readonly totalNanos: bigint;
  readonly grantedNanos: bigint;
  readonly purchasedNanos: bigint;
  readonly isAvailable: boolean;
}

export function balanceBody(balance: WalletBalance): string {
  const grantedCents = centsOf(balance.grantedNanos);
  const purchasedCents = centsOf(balance.purchasedNanos);
  return JSON.stringify({
    is_available: balance.isAvailable,
    balance_infos: [
      {
        currency: balance.currency === "" ? "USD" : balance.currency,
        total_balance: twoDecimals(grantedCents + purchasedCents),
        granted_balance: twoDecimals(grantedCents),
        topped_up_balance: twoDecimals(purchasedCents),
      },
    ],
  });
}

const nanosPerCent = 10_000_000n;

/** Rounded down: nobody is shown money that is not there. */
function centsOf(nanos: bigint): bigint {
  return nanos >= 0n ? nanos / nanosPerCent : -((-nanos + nanosPerCent - 1n) / nanosPerCent);
}

function twoDecimals(cents: bigint): string {
  const size = cents < 0n ? -cents : cents;
  const text = `${size / 100n}.${(size % 100n).toString().padStart(2, "0")}`;
  return cents < 0n ? `-${text}` : text;
}
