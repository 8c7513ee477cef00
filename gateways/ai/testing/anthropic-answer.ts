import assert from "node:assert/strict";
import type { HttpAnswer } from "@tandem/libs/testing";

export interface Message {
  readonly type: string;
  readonly id: string;
  readonly model: string;
  readonly content: readonly (Readonly<Record<string, unknown>> & { readonly type: string })[];
  readonly stop_reason: string;
  readonly usage: Readonly<Record<string, unknown>>;
}

export interface ErrorBody {
  readonly type: string;
  readonly error: { readonly type: string; readonly message: string };
  readonly request_id: string;
}

export interface StreamEvent {
  readonly name: string;
  readonly data: Readonly<Record<string, unknown>> & { readonly type: string };
}

/** The events of an answer, comments left out; every one has to have its name. */
export function eventsOf({ text }: HttpAnswer): StreamEvent[] {
  return text
    .split("\n\n")
    .filter((block) => block !== "" && !block.startsWith(":"))
    .map((block) => {
      const [first = "", second = ""] = block.split("\n");
      assert.match(first, /^event: /, "every event has a name");
      return { name: first.slice(7), data: JSON.parse(second.slice(6)) };
    });
}

/** The text of a stream's deltas, joined. */
export function textOf(events: readonly StreamEvent[]): string {
  return events
    .map(({ data }) => (data["delta"] as { readonly text?: string } | undefined)?.text ?? "")
    .join("");
}

export const weatherTool = {
  name: "weather",
  description: "The weather of a city",
  input_schema: {
    type: "object",
    properties: { city: { type: "string" } },
    required: ["city"],
  },
};
