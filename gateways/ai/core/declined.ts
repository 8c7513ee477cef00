import type { Fault } from "@tandem/libs/kernel";

/** Says to the router: nothing of this was done, and another replica may well do it. */
const declinedField = "x-tandem-declined";

/** What the router reads, and takes out, of an answer that says no. */
export function declinedFields(fault: Fault): readonly (readonly [name: string, value: string])[] {
  // What an upstream refuses it refuses to every replica.
  const isOwn = fault.retry === "another_replica" && fault.blame !== "upstream";
  return isOwn ? [[declinedField, "1"]] : [];
}
