import { parseNanos } from "@tandem/libs/kernel";

/** What a whole answer says that it cost, in nanos. */
export function costOf(text: string): bigint {
  return parseNanos(/"cost":"([\d.]+)"/.exec(text)?.[1] ?? "0");
}
