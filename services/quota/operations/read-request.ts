/** What arrives in messages, checked before it is used. */
import type { Subject as WireSubject } from "@tandem/contracts/rpc/quota/v1/quota_pb";
import type { Subject } from "../core/subject.ts";
import { faults } from "../faults.ts";

const nameMax = 200;
const pageMax = 200;
const pageDefault = 50;

/** A name that keys and columns can hold; throws `quota.malformed` otherwise. */
export function readName(what: string, text: string): string {
  if (text.length <= nameMax && !/[{}\0]/.test(text)) return text;
  throw faults.malformed({ publicMessage: `${what} is too long or has signs that no name has.` });
}

export function readGivenName(what: string, text: string): string {
  if (text === "") throw faults.malformed({ publicMessage: `${what} is missing.` });
  return readName(what, text);
}

/** An amount of nanos from `least` on. */
export function readNanos(what: string, nanos: bigint, least = 0n): bigint {
  if (nanos >= least) return nanos;
  throw faults.malformed({ publicMessage: `${what} must be at least ${least} nanos.` });
}

/** A count that fits a double exactly. */
export function readCount(what: string, value: bigint): number {
  if (value >= 0n && value <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(value);
  throw faults.malformed({ publicMessage: `${what} is out of range.` });
}

/** Free text of people, cut to what a column is to hold. */
export function readNote(text: string): string {
  return text.replaceAll("\0", "").slice(0, 500);
}

export function readCurrency(text: string): string {
  if (/^[A-Z]{3}$/.test(text)) return text;
  throw faults.malformed({ publicMessage: 'A currency is an ISO 4217 code like "USD".' });
}

export function readSubject(wire: WireSubject | undefined): Subject {
  return {
    organisationId: readGivenName("organisation_id", wire?.organisationId ?? ""),
    projectId: readName("project_id", wire?.projectId ?? ""),
    userId: readName("user_id", wire?.userId ?? ""),
    keyId: readName("key_id", wire?.keyId ?? ""),
    model: readName("model", wire?.model ?? ""),
  };
}

/** How many rows a page has: 50 when nothing is said, at most 200. */
export function readPageSize(limit: number): number {
  return limit === 0 ? pageDefault : Math.min(limit, pageMax);
}

/** A page, and whether there is another: read one row more than is shown. */
export function pageOf<Row>(
  rows: readonly Row[],
  size: number,
): { readonly shown: readonly Row[]; readonly hasMore: boolean } {
  return { shown: rows.slice(0, size), hasMore: rows.length > size };
}
