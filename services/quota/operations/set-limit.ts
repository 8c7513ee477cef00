import type { SetLimitRequest, Limit as WireLimit } from "@tandem/contracts/rpc/quota/v1/quota_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { requirePermission } from "../authority.ts";
import { isLimitKind, type Limit } from "../core/limit.ts";
import { faults } from "../faults.ts";
import type { Books } from "../store/books.ts";
import { setLimit } from "../store/limits.ts";
import { readCount, readSubject } from "./read-request.ts";

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
  requirePermission(context, { organisationId, permission: "limits:write" });
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
  return limitToWire(await setLimit(books, { subject, kind, amount, windowMs, expectedVersion }));
}

export function limitToWire(limit: Limit): MessageInit<WireLimit> {
  return { ...limit, amount: BigInt(limit.amount) };
}
