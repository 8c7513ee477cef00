import { type EncodedFields, encodeFields, type HeaderFields } from "@tandem/libs/http";
import { handOverField } from "../hand-over/hand-over.ts";
import type { StreamMeta } from "./stream-store.ts";

/** The token for the router goes with each answer to it, and is kept apart from the lines. */
export function splitLines(
  headers: HeaderFields | EncodedFields,
): Pick<StreamMeta, "lines" | "handOver"> {
  const { lines } = "lines" in headers ? headers : encodeFields(headers);
  const token = new RegExp(`^${handOverField}: ([^\\r]*)\\r\\n`, "im").exec(lines);
  return { lines: lines.replace(token?.[0] ?? "", ""), handOver: token?.[1] ?? "" };
}
