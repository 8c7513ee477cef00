import { type EncodedFields, encodeFields } from "@tandem/libs/http";
import { priorityDefault, priorityField, priorityName } from "@tandem/libs/kernel";
import type { Call } from "../call.ts";
import type { LiveUpstream } from "./live-upstream.ts";

/** By upstream: what is the same in every request to it, for whole answers and for streams. */
const standing = new WeakMap<LiveUpstream, Record<"whole" | "stream", EncodedFields>>();

/**
 * The fields of a request to an upstream: ours, built anew. Of the client's own only the trace goes
 * on; its key, cookies and addresses are nobody's business there.
 */
export function upstreamFields(call: Call, upstream: LiveUpstream): EncodedFields {
  let fields = standing.get(upstream);
  if (fields === undefined) {
    fields = {
      whole: standingFields(upstream, "application/json"),
      stream: standingFields(upstream, "text/event-stream"),
    };
    standing.set(upstream, fields);
  }
  const trace = call.exchange.head.headers.get("traceparent");
  const tells = upstream.profile.knowsPriority && call.priority !== priorityDefault;
  const own = encodeFields([
    ["x-request-id", call.requestId],
    ...(tells ? ([[priorityField, priorityName(call.priority)]] as const) : []),
    ...(trace === undefined ? [] : ([["traceparent", trace]] as const)),
  ]);
  const { lines } = fields[call.request.isStream ? "stream" : "whole"];
  return { lines: lines + own.lines };
}

function standingFields({ settings, profile }: LiveUpstream, accept: string): EncodedFields {
  return encodeFields([
    ["content-type", "application/json"],
    ["accept", accept],
    ["user-agent", "tandem"],
    ...(settings.apiKey === "" ? [] : profile.credentialFields(settings.apiKey)),
  ]);
}
