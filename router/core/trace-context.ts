const shape = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const noTrace = "0".repeat(32);
const noParent = "0".repeat(16);

/**
 * The `traceparent` that came, if it is valid: as it is for version 00, cut to the four fields that
 * are known for a later one (W3C Trace Context, 3.2 and 4). Undefined: start a trace of your own,
 * and do not pass `tracestate` on. Several fields of the name arrive joined, and so are invalid.
 */
export function acceptTraceparent(value: string | undefined): string | undefined {
  const match = value === undefined ? null : shape.exec(value);
  if (match === null) return undefined;
  const [, version, traceId, parentId, flags, rest] = match;
  if (version === "ff" || traceId === noTrace || parentId === noParent) return undefined;
  if (version === "00") return rest === undefined ? value : undefined;
  return `00-${traceId}-${parentId}-${flags}`;
}

/** A new trace from 24 random bytes. Not sampled: that is for those who record spans to decide. */
export function newTraceparent(random: Uint8Array): string {
  const hex = Buffer.from(random.buffer, random.byteOffset, 24).toString("hex");
  return `00-${hex.slice(0, 32)}-${hex.slice(32)}-00`;
}
