import { type AssembledChoice, assembleAnswer } from "../stream/assemble-answer.ts";
import { readEvent } from "../stream/server-event.ts";

/** What a client has of an answer, read from the very bytes it was sent. */
export interface Committed {
  /** The members that are the same in every chunk of one answer, as they were first said. */
  readonly head: Readonly<Record<string, unknown>>;
  readonly choices: readonly AssembledChoice[];
}

const headKeys = ["id", "object", "created", "model", "system_fingerprint"] as const;
const boundary = Buffer.from("\n\n");

/** Reads whole events. Costs about a microsecond each, which only a broken stream pays. */
export function readCommitted(sent: Buffer): Committed {
  return { head: headOf(sent), choices: assembleAnswer(sent).choices };
}

/** Text of a choice in the form it is sent on in: a chat's content, or a completion's text. */
export function spokenText(choice: AssembledChoice | undefined): string {
  return choice === undefined ? "" : choice.content + choice.text;
}

/** The first event that is a chunk; comments may stand before it. */
function headOf(sent: Buffer): Readonly<Record<string, unknown>> {
  for (let at = 0; at < sent.length; ) {
    const found = sent.indexOf(boundary, at);
    const end = found === -1 ? sent.length : found + boundary.length;
    const event = readEvent(sent.toString("utf8", at, end));
    if (event.kind === "json") return pick(event.value);
    at = end;
  }
  return {};
}

function pick(chunk: unknown): Readonly<Record<string, unknown>> {
  const fields = (typeof chunk === "object" ? chunk : null) as Record<string, unknown> | null;
  const head: Record<string, unknown> = {};
  for (const key of headKeys) if (fields !== null && key in fields) head[key] = fields[key];
  return head;
}
