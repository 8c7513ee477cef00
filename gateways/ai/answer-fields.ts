import { formatNanos } from "@tandem/libs/kernel";
import type { Call } from "./call.ts";
import { rateLimitFields, refusedLimitFields } from "./limits/rate-limit-fields.ts";
import type { AiParts } from "./parts.ts";

type Field = readonly [name: string, value: string];

/** What goes with every answer of this plane: who answered, how, and what it cost. */
export function answerFields(call: Call, { world }: AiParts): Field[] {
  const { requestId, attempts, target, passage } = call;
  // Each family of clients reads the request's id under another name.
  const fields: Field[] = [
    ["x-request-id", requestId],
    ["request-id", requestId],
    ["x-ds-trace-id", requestId],
  ];
  if (call.knownModel !== undefined) fields.push(["x-tandem-model", safe(call.knownModel.id)]);
  if (target !== undefined) {
    fields.push(["x-tandem-upstream", safe(target.upstream.settings.name)]);
  }
  if (attempts.length > 0) fields.push(["x-tandem-attempts", String(attempts.length)]);
  fields.push(["x-tandem-cache", call.cacheMark]);
  if (call.price !== undefined && call.fault === undefined && !call.answer.hasBegun) {
    const isCounted = !call.validRequest?.isStream || call.cached !== undefined;
    if (isCounted) fields.push(["x-tandem-cost", costText(call)]);
  }
  if (passage !== undefined && passage.subject.pools.length > 0) {
    fields.push(...rateLimitFields(passage.subject, world.clock.monotonicMs()));
  }
  if (call.fault !== undefined) fields.push(...refusedLimitFields(call.fault));
  if (call.marks.length > 0) fields.push(["x-tandem-degraded", call.marks.join(", ")]);
  return fields;
}

/** `0.00042 USD` */
export function costText({ chargedNanos, price }: Call): string {
  return `${formatNanos(chargedNanos)} ${price?.currency ?? ""}`.trimEnd();
}

/** Names come from people: what a header cannot hold is percent-encoded. */
function safe(name: string): string {
  return /^[\x21-\x7e]+$/.test(name) ? name : encodeURIComponent(name);
}
