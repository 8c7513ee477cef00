import type {
  ReleaseLeasesRequest,
  ReleaseLeasesResponse,
} from "@tandem/contracts/rpc/quota/v1/quota_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { requirePlatform } from "../authority.ts";
import type { Books } from "../store/books.ts";
import { releaseLeases } from "../store/leases.ts";
import { readGivenName } from "./read-request.ts";

/** Closes leases of the holder; what they still hold goes back to the wallets. */
export async function releaseLeasesOperation(
  books: Books,
  request: ReleaseLeasesRequest,
  context: CallContext,
): Promise<MessageInit<ReleaseLeasesResponse>> {
  requirePlatform(context);
  const holder = readGivenName("holder", request.holder);
  return { releasedNanos: await releaseLeases(books, { holder, leaseIds: request.leaseIds }) };
}
