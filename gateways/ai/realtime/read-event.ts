import type { Fault } from "@tandem/libs/kernel";
import { isObject, Reading, Refusal } from "../dialects/reading.ts";
import { aiFaults } from "../faults.ts";
import {
  type ClientEvent,
  clientEventSchema,
  type Item,
  isAboutAudio,
  type Wishes,
} from "./client-event.ts";
import { realtimeFields } from "./fields.ts";

const saidCharactersMax = 200;

/** An event that is understood, and what of it has no effect, by name. */
export interface ReadEvent {
  readonly event: ClientEvent;
  readonly ignored: readonly string[];
}

/** Throws a fault for what is not understood, or would mean something else here. */
export function readEvent(value: unknown): ReadEvent {
  if (isAboutAudio(value)) throw aiFaults.audio_unsupported();
  const read = clientEventSchema.safeParse(value);
  if (!read.success) {
    const [issue] = read.error.issues;
    throw notUnderstood(issue?.path.join(".") ?? "", issue?.message ?? "");
  }
  try {
    return { event: read.data, ignored: ignoredIn(read.data) };
  } catch (error) {
    if (error instanceof Refusal) throw notUnderstood(error.problem.parameter, error.message);
    throw error;
  }
}

/** Names of members may be as long as a message. */
function shortened(text: string): string {
  return text.slice(0, saidCharactersMax);
}

function notUnderstood(parameter: string, why: string): Fault {
  const said = why.startsWith(parameter) ? why : `${parameter}: ${why}`;
  return aiFaults.invalid_parameter({
    publicMessage: `The event is not one that is understood here. ${shortened(said)}`,
    context: { parameter: shortened(parameter) },
  });
}

/** Throws `Refusal`. */
function ignoredIn(event: ClientEvent): readonly string[] {
  const reading = new Reading(realtimeFields);
  switch (event.type) {
    case "session.update":
      readWishes(reading, event.session, "session");
      break;
    case "conversation.item.create":
      readItem(reading, event.item, "item");
      break;
    case "response.create": {
      const { response = {} } = event;
      readWishes(reading, response, "response");
      for (const [at, item] of (response.input ?? []).entries()) {
        readItem(reading, item, `response.input[${at}]`);
      }
    }
  }
  return reading.ignored;
}

function readWishes(reading: Reading, wishes: Wishes, kind: "session" | "response"): void {
  // There is one kind of session, and it gives text: that may be said, and is so anyway.
  const { type: _, output_modalities: _same, ...rest } = { type: undefined, ...wishes };
  reading.object(rest, kind, kind);
  for (const [at, tool] of (wishes.tools ?? []).entries()) {
    reading.object(tool, "tool", `${kind}.tools[${at}]`);
  }
  const { tool_choice: choice } = wishes;
  if (isObject(choice)) reading.object(choice, "tool_choice", `${kind}.tool_choice`);
}

function readItem(reading: Reading, item: Item, place: string): void {
  reading.object(item, item.type, place);
  if (item.type !== "message") return;
  for (const [at, part] of item.content.entries()) {
    reading.object(part, "text_part", `${place}.content[${at}]`);
  }
}
