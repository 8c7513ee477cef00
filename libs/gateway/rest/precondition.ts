/**
 * Optimistic locking by HTTP's own means (RFC 9110, section 13): a resource's version goes out as
 * `ETag: "7"` and comes back as `If-Match`; an answer's content can be asked for only if it
 * changed.
 */
import { createHash } from "node:crypto";
import { restFaults } from "./rest-faults.ts";

const versionTag = /^"([0-9]{1,18})"$/;

export function versionToEtag(version: bigint): string {
  return `"${version}"`;
}

/** A strong tag of the very bytes, for answers whose source counts no versions. */
export function contentToEtag(body: string): string {
  return `"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"`;
}

/**
 * The version an `If-Match` names: 0 for `*`, "any that exists". Throws `rest.precondition_missing`
 * (428) without one, and `rest.precondition_failed` (412) for a tag that no version of ours has.
 */
export function expectedVersion(ifMatch: string | undefined): bigint {
  if (ifMatch === undefined) throw restFaults.precondition_missing();
  if (ifMatch === "*") return 0n;
  const version = versionTag.exec(ifMatch)?.[1];
  if (version === undefined || BigInt(version) === 0n) {
    throw restFaults.precondition_failed({
      publicMessage: "`If-Match` has to be the `ETag` of this resource as it was sent, or `*`.",
    });
  }
  return BigInt(version);
}

/** Whether the client has this very answer already (weak comparison, as RFC 9110 wants it here). */
export function isUnchanged(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  if (ifNoneMatch.trim() === "*") return true;
  return ifNoneMatch.split(",").some((tag) => tag.trim().replace(/^W\//, "") === etag);
}
