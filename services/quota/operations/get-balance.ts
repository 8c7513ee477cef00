import type { Balance, GetBalanceRequest } from "@tandem/contracts/rpc/quota/v1/quota_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { requireMember } from "../authority.ts";
import type { Books } from "../store/books.ts";
import { readBalance } from "../store/statements.ts";
import { readGivenName } from "./read-request.ts";

/** What the organisation owns. One without a wallet has a balance of 0 in the default currency. */
export async function getBalanceOperation(
  parts: { readonly books: Books; readonly currency: string },
  request: GetBalanceRequest,
  context: CallContext,
): Promise<MessageInit<Balance>> {
  const organisationId = readGivenName("organisation_id", request.organisationId);
  requireMember(context, organisationId);
  return balanceOf(parts, organisationId);
}

export async function balanceOf(
  { books, currency }: { readonly books: Books; readonly currency: string },
  organisationId: string,
): Promise<MessageInit<Balance>> {
  const balance = await readBalance(books, organisationId);
  const totalNanos = balance.grantedNanos + balance.purchasedNanos;
  return {
    organisationId,
    currency: balance.currency === "" ? currency : balance.currency,
    totalNanos,
    grantedNanos: balance.grantedNanos,
    purchasedNanos: balance.purchasedNanos,
    heldNanos: balance.heldNanos,
    isAvailable: totalNanos > 0n,
  };
}
