import { readEvent } from "../core/stream/server-event.ts";
import { isObject, type JsonObject } from "../dialects/reading.ts";
import type { Failure } from "../resume/backing.ts";

/**
 * A response in the background, as its events tell it: what is polled is made of what is streamed,
 * so that the two never differ. Pure.
 */

const lastEvent = /^event: (response\.(completed|incomplete|failed)|error)$/m;

/** Whether these words of a response are its last ones. */
export function isLastOfResponse(text: string): boolean {
  return lastEvent.test(text);
}

/** The response that an event tells. */
export function responseIn(event: string): JsonObject | undefined {
  const value = dataOf(event);
  return isObject(value?.["response"]) ? value["response"] : undefined;
}

/** Of one under way, from its first events. Its output is told when it is complete, or streamed. */
export function responseUnderWay(events: readonly string[]): JsonObject | undefined {
  const opening = responseIn(events[0] ?? "");
  if (opening === undefined) return undefined;
  const isBegun = events.some((event) => event.startsWith("event: response.in_progress\n"));
  return { ...opening, status: isBegun ? "in_progress" : "queued" };
}

/** Of one that has ended, from its last events. */
export function responseEnded(last: readonly string[]): JsonObject | undefined {
  return last.map(responseIn).findLast((response) => response !== undefined);
}

/** With what was made until then; what was under way is `incomplete`. */
export function canceledResponse(events: readonly string[]): JsonObject | undefined {
  const opening = responseIn(events[0] ?? "");
  if (opening === undefined) return undefined;
  return { ...opening, status: "cancelled", output: outputOf(events) };
}

function outputOf(events: readonly string[]): readonly JsonObject[] {
  const output: JsonObject[] = [];
  let open: JsonObject | undefined;
  let text = "";
  for (const event of events) {
    const value = dataOf(event) ?? {};
    const { type, item, delta } = value;
    if (type === "response.output_item.added" && isObject(item)) {
      open = item;
      text = "";
    } else if (type === "response.output_item.done" && isObject(item)) {
      output.push(item);
      open = undefined;
    } else if (type === "response.output_text.delta") text += String(delta);
  }
  if (open?.["type"] !== "message" || text === "") return output;
  const part = { type: "output_text", annotations: [], logprobs: [], text };
  return [...output, { ...open, status: "incomplete", content: [part] }];
}

/** What ends the stream of one that was canceled; clients know the word from OpenAI's webhooks. */
export function canceledEvents(events: readonly string[]): readonly string[] {
  const response = canceledResponse(events);
  return [eventOf("response.cancelled", events.length, { response })];
}

/** What ends the stream of one that cannot be gone on with, as the dialect ends others. */
export function failedEvents(
  events: readonly string[],
  { code, message }: Failure,
): readonly string[] {
  const opening = responseIn(events[0] ?? "");
  const response = { ...opening, status: "failed", error: { code, message } };
  return [
    eventOf("response.failed", events.length, { response }),
    eventOf("error", events.length + 1, { code, message, param: null }),
  ];
}

/** The reason in the body of a refusal. */
export function failureIn(body: string): Failure {
  const { error } = JSON.parse(body) as { error: Failure };
  return { code: String(error.code), message: error.message };
}

function eventOf(type: string, number: number, members: object): string {
  const data = JSON.stringify({ type, sequence_number: number, ...members });
  return `event: ${type}\ndata: ${data}\n\n`;
}

function dataOf(event: string): JsonObject | undefined {
  const read = readEvent(event);
  return read.kind === "json" && isObject(read.value) ? read.value : undefined;
}
