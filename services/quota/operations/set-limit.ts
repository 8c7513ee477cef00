import type {
  SetLimitRequest,
  Limit as WireLimit,
  Raise as WireRaise,
} from "@tandem/contracts/rpc/quota/v1/quota_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { requireSetter } from "../authority.ts";
import { isLimitKind, type Limit, limitAt } from "../core/limit.ts";
import type { Raise } from "../core/raise.ts";
import { faults } from "../faults.ts";
import { type Books, readClock } from "../store/books.ts";
import { setLimit } from "../store/limits.ts";
import { readCount, readName, readSubject } from "./read-request.ts";

const windowMsMin = 1_000;
const windowMsMax = 31 * 86_400_000;

/** Sets the one limit of a subject, kind and window, from the version that was read. */
export async function setLimitOperation(
  books: Books,
  request: SetLimitRequest,
  context: CallContext,
): Promise<MessageInit<WireLimit>> {
  const { limit } = request;
  const subject = readSubject(limit?.subject);
  const { organisationId } = subject;
  const setBy = requireSetter(context, { organisationId, setBy: limit?.setBy ?? "" });
  const { kind = "", windowMs = 0, amount = 0n } = limit ?? {};
  if (!isLimitKind(kind)) {
    throw faults.malformed({ publicMessage: "A limit is of requests, tokens or concurrency." });
  }
  const isWindow = windowMs >= windowMsMin && windowMs <= windowMsMax;
  if (kind === "concurrency" ? windowMs !== 0 : !isWindow) {
    throw faults.malformed({
      publicMessage: "A limit's window is from 1 s to 31 days; concurrency has none (0).",
    });
  }
  readCount("amount", amount);
  const { expectedVersion } = request;
  const id = readName("id", limit?.id ?? "");
  const change = { id, subject, kind, amount, windowMs, expectedVersion, setBy };
  const set = await setLimit(books, change);
  return limitToWire(set, await readClock(books.database, books));
}

/** As it is at that time: of a raise that has ended nothing is told. */
export function limitToWire(limit: Limit, nowMs: number): MessageInit<WireLimit> {
  const { id, subject, kind, windowMs, version, setBy } = limit;
  const { amount, raise, next } = limitAt(limit, nowMs);
  return {
    ...{ id, subject, kind, windowMs, version, setBy },
    amount: BigInt(next?.amount ?? amount),
    inForce: BigInt(amount),
    ...(raise !== undefined && { raise: raiseToWire(raise) }),
  };
}

export function raiseToWire({ amount, untilMs, by, reason }: Raise): MessageInit<WireRaise> {
  return { amount, untilMs: BigInt(untilMs), by, reason };
}
