import type {
  LeaseWalletRequest,
  LeaseWalletResponse,
} from "@tandem/contracts/rpc/quota/v1/quota_pb";
import { isId } from "@tandem/libs/kernel";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { requirePlatform } from "../authority.ts";
import { faults } from "../faults.ts";
import type { Books } from "../store/books.ts";
import { leaseWallet } from "../store/leases.ts";
import { readGivenName, readNanos, readSubject } from "./read-request.ts";

/** A slice of a wallet for a gateway to carve reservations from; see the contract's comments. */
export async function leaseWalletOperation(
  books: Books,
  request: LeaseWalletRequest,
  context: CallContext,
): Promise<MessageInit<LeaseWalletResponse>> {
  requirePlatform(context);
  if (!isId("lse", request.leaseId)) {
    throw faults.malformed({ publicMessage: "lease_id is not an id that the holder made." });
  }
  if (request.call === 0n) {
    throw faults.malformed({ publicMessage: "call counts from 1 within the lease." });
  }
  const carvedNanos = readNanos("carved_nanos", request.carvedNanos);
  const { ceilingNanos } = request;
  if (ceilingNanos !== undefined && ceilingNanos < carvedNanos) {
    throw faults.malformed({ publicMessage: "ceiling_nanos is less than carved_nanos." });
  }
  const { keptNanos } = request;
  if (keptNanos !== undefined && keptNanos < carvedNanos) {
    throw faults.malformed({ publicMessage: "kept_nanos is less than carved_nanos." });
  }
  const { $typeName: _, ...fields } = request;
  const subject = readSubject({ ...fields, $typeName: "tandem.quota.v1.Subject" });
  const answer = await leaseWallet(books, {
    leaseId: request.leaseId,
    holder: readGivenName("holder", request.holder),
    incarnation: readGivenName("incarnation", request.incarnation),
    organisationId: subject.organisationId,
    subject,
    call: request.call,
    neededNanos: readNanos("needed_nanos", request.neededNanos),
    leastNanos: readNanos("least_nanos", request.leastNanos),
    returnedNanos: readNanos("returned_nanos", request.returnedNanos),
    carvedNanos,
    keptNanos,
    ceilingNanos,
  });
  return {
    leaseId: request.leaseId,
    grantedNanos: answer.grantedNanos,
    validMs: answer.validMs,
    currency: answer.currency,
    limitSource: answer.limitSource ?? "",
    availableNanos: answer.availableNanos,
    scopedBy: [...answer.scopedBy],
    superseded: answer.isSuperseded,
    scarce: answer.isScarce,
    callingIn: answer.isCallingIn,
    resetsAtMs: BigInt(answer.resetsAtMs),
    warnings: answer.marks.map(({ isSoft: soft, ...mark }) => ({ ...mark, soft })),
  };
}
