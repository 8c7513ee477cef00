import type {
  TakeBackCreditRequest,
  TakeBackCreditResponse,
} from "@tandem/contracts/rpc/quota/v1/quota_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { requirePlatform } from "../authority.ts";
import type { Books } from "../store/books.ts";
import { takeBackCredit } from "../store/order-credit.ts";
import { readGivenName, readNanos, readNote } from "./read-request.ts";

/** For the orders service alone, before it pays anything back. */
export async function takeBackCreditOperation(
  books: Books,
  request: TakeBackCreditRequest,
  context: CallContext,
): Promise<MessageInit<TakeBackCreditResponse>> {
  requirePlatform(context);
  return takeBackCredit(books, {
    refundId: readGivenName("refund_id", request.refundId),
    orderId: readGivenName("order_id", request.orderId),
    organisationId: readGivenName("organisation_id", request.organisationId),
    nanos: readNanos("nanos", request.nanos, 1n),
    atMost: request.atMost,
    note: readNote(request.note),
  });
}
