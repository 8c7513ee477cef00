import type { VerifyLedgerResponse } from "@tandem/contracts/rpc/quota/v1/quota_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { requirePlatformPermission } from "../authority.ts";
import { faults } from "../faults.ts";
import type { Books } from "../store/books.ts";
import { verifyLedger } from "../store/verify.ts";

/** Recomputes every balance from the transfers; one at a time, since it reads the whole ledger. */
export async function verifyLedgerOperation(
  parts: { readonly books: Books; readonly isVerifying: { value: boolean } },
  context: CallContext,
): Promise<MessageInit<VerifyLedgerResponse>> {
  requirePlatformPermission(context, "ledger:verify");
  const { isVerifying } = parts;
  if (isVerifying.value) throw faults.busy({ retryAfterMs: 10_000 });
  isVerifying.value = true;
  try {
    const report = await verifyLedger(parts.books);
    return {
      ok: report.problems.length === 0,
      sumNanos: report.sumNanos,
      accounts: BigInt(report.accounts),
      transfers: BigInt(report.transfers),
      problems: [...report.problems],
    };
  } finally {
    isVerifying.value = false;
  }
}
