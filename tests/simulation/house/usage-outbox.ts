/** What the books of the simulated quota tell of usage, in the form of its consumer. */
import type { GivenBack } from "../../../services/quota/core/give-back.ts";
import type { Booking } from "../../../services/quota/core/settlement.ts";

export interface OutboxRow {
  readonly id: string;
  readonly payload: Uint8Array;
  attempts: number;
  nextAttemptAtMs: number;
  isParked: boolean;
}

export interface UsageNote {
  readonly id: string;
  readonly chargedNanos: string;
}

export function factsOf(bookings: readonly Booking[]): readonly UsageNote[] {
  return bookings.map(({ settlement, fromHoldNanos, fromWalletNanos }) => ({
    id: settlement.requestId,
    chargedNanos: String(fromHoldNanos + fromWalletNanos),
  }));
}

export function correctionsOf(givenBack: readonly GivenBack[]): readonly UsageNote[] {
  return givenBack.map(({ settlementId, nanos }) => ({
    id: `${settlementId}+back`,
    chargedNanos: String(-nanos),
  }));
}
