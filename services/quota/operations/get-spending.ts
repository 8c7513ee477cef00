import type { GetSpendingRequest, Spending } from "@tandem/contracts/rpc/quota/v1/quota_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { requireMember } from "../authority.ts";
import { burnOf } from "../core/burn.ts";
import { type Books, readClock } from "../store/books.ts";
import { readLots, readSpent } from "../store/spending.ts";
import { readGivenName } from "./read-request.ts";

/** How fast the organisation's credit goes, how long it lasts, and in which order it is used. */
export async function getSpendingOperation(
  books: Books,
  request: GetSpendingRequest,
  context: CallContext,
): Promise<MessageInit<Spending>> {
  const organisationId = readGivenName("organisation_id", request.organisationId);
  requireMember(context, organisationId);
  const { database } = books;
  const nowMs = await readClock(database, books);
  const spent = await readSpent(database, { organisationId, nowMs });
  const lots = await readLots(database, organisationId);
  const totalNanos = lots.reduce((sum, { remainingNanos }) => sum + remainingNanos, 0n);
  const burn = burnOf(spent, { totalNanos, nowMs });
  return {
    dayNanos: spent.dayNanos,
    weekNanos: spent.weekNanos,
    monthNanos: spent.monthNanos,
    burnPerDayNanos: burn.perDayNanos,
    ...(burn.lastsMs === undefined ? {} : { lastsMs: BigInt(Math.floor(burn.lastsMs)) }),
    monthEndNanos: burn.monthEndNanos,
    lots: lots.map((lot) => ({
      ...lot,
      expiresAtMs: BigInt(lot.expiresAtMs ?? 0),
      createdAtMs: BigInt(lot.createdAtMs),
    })),
  };
}
