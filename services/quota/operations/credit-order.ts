import type {
  CreditOrderRequest,
  CreditOrderResponse,
} from "@tandem/contracts/rpc/quota/v1/quota_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { requirePlatform } from "../authority.ts";
import type { Books } from "../store/books.ts";
import { creditOrder } from "../store/order-credit.ts";
import { readCount, readCurrency, readGivenName, readNanos, readNote } from "./read-request.ts";

/** For the orders service alone, whose outbox repeats it until it is answered. */
export async function creditOrderOperation(
  books: Books,
  request: CreditOrderRequest,
  context: CallContext,
): Promise<MessageInit<CreditOrderResponse>> {
  requirePlatform(context);
  const expiresAtMs = readCount("expires_at_ms", request.expiresAtMs);
  await creditOrder(books, {
    eventId: readGivenName("event_id", request.eventId),
    orderId: readGivenName("order_id", request.orderId),
    organisationId: readGivenName("organisation_id", request.organisationId),
    nanos: readNanos("nanos", request.nanos, 1n),
    currency: readCurrency(request.currency),
    expiresAtMs: expiresAtMs === 0 ? undefined : expiresAtMs,
    note: readNote(request.note),
  });
  return {};
}
