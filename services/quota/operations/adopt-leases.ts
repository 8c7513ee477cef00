import type {
  AdoptLeasesRequest,
  AdoptLeasesResponse,
} from "@tandem/contracts/rpc/quota/v1/quota_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { requirePlatform } from "../authority.ts";
import type { Books } from "../store/books.ts";
import { adoptLeases } from "../store/leases.ts";
import { readGivenName } from "./read-request.ts";

/** Ends the leases of a holder's former lives and lists what they still hold. */
export async function adoptLeasesOperation(
  books: Books,
  request: AdoptLeasesRequest,
  context: CallContext,
): Promise<MessageInit<AdoptLeasesResponse>> {
  requirePlatform(context);
  const leases = await adoptLeases(books, {
    holder: readGivenName("holder", request.holder),
    incarnation: readGivenName("incarnation", request.incarnation),
  });
  return { leases: [...leases] };
}
