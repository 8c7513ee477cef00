import type { Balance, GrantCreditRequest } from "@tandem/contracts/rpc/quota/v1/quota_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { requirePlatformPermission } from "../authority.ts";
import { faults } from "../faults.ts";
import type { Books } from "../store/books.ts";
import { grantCredit } from "../store/credit.ts";
import { balanceOf } from "./get-balance.ts";
import { readCount, readCurrency, readGivenName, readNanos, readNote } from "./read-request.ts";

/** A million million units: what a slip of the keyboard should not exceed. */
const grantMax = 10n ** 15n;

/** Adds credit to any organisation, once for each idempotency key, and answers with the balance after it. */
export async function grantCreditOperation(
  parts: { readonly books: Books; readonly currency: string },
  request: GrantCreditRequest,
  context: CallContext,
): Promise<MessageInit<Balance>> {
  const organisationId = readGivenName("organisation_id", request.organisationId);
  requirePlatformPermission(context, "credits:write");
  const { kind, nanos } = request;
  if (kind !== "granted" && kind !== "purchased") {
    throw faults.malformed({ publicMessage: 'The kind of credit is "granted" or "purchased".' });
  }
  if (readNanos("nanos", nanos, 1n) > grantMax) {
    throw faults.malformed({ publicMessage: "A single grant is at most 1,000,000 units." });
  }
  const expiresAtMs = readCount("expires_at_ms", request.expiresAtMs);
  const currency = readCurrency(request.currency === "" ? parts.currency : request.currency);
  await grantCredit(parts.books, {
    organisationId,
    nanos,
    kind,
    expiresAtMs: expiresAtMs === 0 ? undefined : expiresAtMs,
    reason: readNote(request.reason),
    idempotencyKey: readGivenName("idempotency_key", request.idempotencyKey),
    currency,
  });
  return balanceOf(parts, organisationId);
}
