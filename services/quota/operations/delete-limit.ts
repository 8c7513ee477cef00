import type { DeleteLimitRequest, Limit } from "@tandem/contracts/rpc/quota/v1/quota_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { requireSetter } from "../authority.ts";
import { type Books, readClock } from "../store/books.ts";
import { deleteLimit } from "../store/limits.ts";
import { readGivenName } from "./read-request.ts";
import { limitToWire } from "./set-limit.ts";

/** Takes a limit away. */
export async function deleteLimitOperation(
  books: Books,
  request: DeleteLimitRequest,
  context: CallContext,
): Promise<MessageInit<Limit>> {
  const organisationId = readGivenName("organisation_id", request.organisationId);
  const setBy = requireSetter(context, { organisationId, setBy: request.setBy });
  const id = readGivenName("id", request.id);
  const { expectedVersion } = request;
  const removal = { organisationId, id, expectedVersion, setBy };
  const deleted = await deleteLimit(books, removal);
  return limitToWire(deleted, await readClock(books.database, books));
}
