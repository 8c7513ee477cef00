import type { Call } from "../call.ts";
import { splitEvents } from "../core/stream/server-event.ts";
import { aiFaults } from "../faults.ts";
import type { AiParts } from "../parts.ts";
import { handOverField, handOverLengthField } from "./hand-over.ts";

/**
 * Parts what the router brings: the request, and what the client was sent of its answer. Throws
 * `ai.hand_over_refused` for what none of our replicas has begun.
 */
export function takeHandOver(call: Call, { seal, world }: AiParts): void {
  const { headers } = call.exchange.head;
  const claims = seal.open(headers.get(handOverField) ?? "", {
    requestId: call.requestId,
    nowMs: world.clock.nowMs(),
  });
  const requestBytes = Number(headers.get(handOverLengthField));
  const whole = call.body ?? Buffer.alloc(0);
  const isParted = Number.isInteger(requestBytes) && requestBytes > 0;
  if (claims === undefined || !isParted || requestBytes > whole.length) {
    throw aiFaults.hand_over_refused();
  }
  call.body = whole.subarray(0, requestBytes);
  call.handOver = { ...claims, sent: whole.subarray(requestBytes) };
}

/** Answers that can be resumed by their clients are numbered; what goes on is not. */
const eventNumber = /^id: \d+\n/;

/**
 * Puts the call where its former replica was: the client has these events, and the answer flows.
 * Throws `ai.stream_broken` where what was sent cannot be read back, or was ended on purpose.
 */
export function resumeAnswer(call: Call): void {
  const { handOver, dialect, answer } = call;
  if (handOver === undefined) return;
  const events = splitEvents(handOver.sent)
    .map((event) => event.replace(eventNumber, ""))
    .filter((event) => !isSignOfLife(event));
  if (events.some(isError)) throw aiFaults.stream_broken({ detail: "it was ended by an error" });
  const sent = Buffer.from(events.map((event) => `${event}\n\n`).join(""));
  const canonical = sent.length === 0 ? sent : dialect.readSent?.(sent);
  // Of one that is complete nothing more is told, so that its last words need not be told alike.
  const isComplete = isEnd(events.at(-1) ?? "");
  const isSame = canonical !== undefined && answer.resume(canonical, sent, call.trace.startedMs);
  if (canonical === undefined || !(isSame || isComplete))
    throw aiFaults.stream_broken({ detail: "what was sent cannot be read back" });
  if (canonical.length > 0) call.sent.add(canonical);
  call.firstTokenMs = 0;
}

function isEnd(event: string): boolean {
  return (
    event === "data: [DONE]" ||
    /^event: (message_stop|response\.(completed|incomplete))/.test(event)
  );
}

function isError(event: string): boolean {
  return event.startsWith('data: {"error":') || /^event: (error|response\.failed)/.test(event);
}

function isSignOfLife(event: string): boolean {
  return event.startsWith(":") || event.startsWith("event: ping");
}
