import type {
  ListLimitsRequest,
  ListLimitsResponse,
} from "@tandem/contracts/rpc/quota/v1/quota_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { requireReader } from "../authority.ts";
import type { LimitBoard } from "../limit-board.ts";
import { type Books, readClock } from "../store/books.ts";
import { readGivenName } from "./read-request.ts";
import { limitToWire } from "./set-limit.ts";

/** All limits of an organisation, the platform's defaults among them (version 0). */
export async function listLimitsOperation(
  { books, limits }: { readonly books: Books; readonly limits: LimitBoard },
  request: ListLimitsRequest,
  context: CallContext,
): Promise<MessageInit<ListLimitsResponse>> {
  const organisationId = readGivenName("organisation_id", request.organisationId);
  requireReader(context, organisationId);
  const nowMs = await readClock(books.database, books);
  const all = await limits.readLimits(organisationId);
  return { limits: all.map((limit) => limitToWire(limit, nowMs)) };
}
