import type { HeaderFields } from "@tandem/libs/http";
import type { Call } from "../call.ts";
import type { LiveUpstream } from "./live-upstream.ts";

/**
 * The fields of a request to an upstream: ours, built anew. Of the client's own only the trace goes
 * on; its key, cookies and addresses are nobody's business there.
 */
export function upstreamFields(call: Call, { settings }: LiveUpstream): HeaderFields {
  const fields: (readonly [string, string])[] = [
    ["content-type", "application/json"],
    ["accept", call.request.isStream ? "text/event-stream" : "application/json"],
    ["user-agent", "tandem"],
    ["x-request-id", call.requestId],
  ];
  if (settings.apiKey !== "") fields.push(["authorization", `Bearer ${settings.apiKey}`]);
  const trace = call.exchange.head.headers.get("traceparent");
  if (trace !== undefined) fields.push(["traceparent", trace]);
  return fields;
}
