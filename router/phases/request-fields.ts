import {
  type EncodedFields,
  encodeFields,
  FieldNameSet,
  forwardFields,
  type HeaderFields,
  hopByHopFields,
  type ResponseHead,
} from "@tandem/libs/http";
import type { AdmittedRequest } from "./admitted-request.ts";
import { forwardedFor, type TrustedProxies } from "./client-address.ts";
import { handOverField } from "./hand-over.ts";

/**
 * What never passes from a client to a gateway: fields of the connection, fields in which the
 * platform speaks to itself, and fields that the router writes anew.
 */
const droppedFromRequest = new FieldNameSet(
  [
    ...hopByHopFields,
    "host",
    "expect",
    "x-request-id",
    "x-client-request-id",
    "traceparent",
    "tracestate",
    "forwarded",
    "x-real-ip",
  ],
  ["x-tandem-", "x-forwarded-"],
);

/** Of the platform's own fields, those that are for clients to send. */
const wishes = [
  "x-tandem-conversation",
  "x-tandem-articles",
  "x-tandem-cache-control",
  "x-tandem-priority",
  // Without it nobody who is signed in could change anything.
  "x-tandem-csrf",
] as const;

/** Of a gateway's answer that says: nothing of this was done, and another replica may do it. */
export const declinedField = "x-tandem-declined";

/**
 * To a gateway: another replica may have done this request, and charged for it, so that to turn it
 * away would have its client pay for a refusal.
 */
export const begunFields = [["x-tandem-begun", "1"]] as const;

const droppedFromAnswer = new FieldNameSet([
  ...hopByHopFields,
  "x-request-id",
  "date",
  handOverField,
  declinedField,
]);

/** What each hop subtracts from the deadline for itself, in milliseconds. */
const deadlineMarginMs = 5;

/** The fields of a request as a gateway gets them. */
export function requestFields(
  request: AdmittedRequest,
  given: {
    readonly trusted: TrustedProxies;
    readonly isTls: boolean;
    readonly nowMs: number;
    /** Words of the router to the gateway. */
    readonly own: readonly (readonly [name: string, value: string])[];
  },
): EncodedFields {
  const { exchange, clientRequestId, tracestate } = request;
  const { headers } = exchange.head;
  const { remoteAddress } = exchange;
  const caller = forwardedFor({ remoteAddress, isTls: given.isTls, headers }, given.trusted);
  const remainingMs = Math.floor(request.deadlineAtMs - given.nowMs - deadlineMarginMs);
  const added: [string, string][] = [
    ["x-request-id", request.id],
    ["traceparent", request.traceparent],
    ["x-tandem-deadline-ms", `${Math.max(1, remainingMs)}`],
    ["x-forwarded-proto", caller.protocol],
  ];
  const host = headers.get("host");
  if (exchange.protocol === "websocket") added.push(["x-tandem-upgrade", "websocket"]);
  if (host !== undefined) added.push(["x-forwarded-host", host]);
  if (caller.chain !== "") added.push(["x-forwarded-for", caller.chain]);
  if (tracestate !== undefined) added.push(["tracestate", tracestate]);
  if (clientRequestId !== undefined) added.push(["x-client-request-id", clientRequestId]);
  if (request.attempts > 1) added.push(["x-tandem-attempt", `${request.attempts}`]);
  for (const name of wishes) {
    const wish = headers.get(name);
    if (wish !== undefined) added.push([name, wish]);
  }
  for (const [name, value] of given.own) added.push([name, value]);
  return forwardFields(headers, { dropped: droppedFromRequest, added });
}

/** The fields of an answer as the client gets them. */
export function answerFields(
  request: AdmittedRequest,
  { head, date }: { readonly head: ResponseHead; readonly date: HeaderFields[number] },
): EncodedFields {
  return forwardFields(head.headers, {
    dropped: droppedFromAnswer,
    added: [["x-request-id", request.id], date, ...request.crossOriginFields],
  });
}

/** The `date` field, made anew once a second (RFC 9110, 6.6.1). */
export function createDateField(nowMs: () => number): () => HeaderFields[number] {
  let second = -1;
  let field: HeaderFields[number] = ["date", ""];
  return () => {
    const now = nowMs();
    const current = Math.floor(now / 1_000);
    if (current !== second) {
      second = current;
      field = ["date", new Date(now).toUTCString()];
    }
    return field;
  };
}

export const plainText: EncodedFields = encodeFields([["content-type", "text/plain"]]);
