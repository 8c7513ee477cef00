import type { SizedMessage } from "../core/trim-context.ts";
import { chatFaults } from "../faults.ts";
import type { TokenCounter } from "../token-counter.ts";

/** A message that was stored, or counted already. Throws `chat.malformed_message`. */
export function sizedMessage(json: string, tokens: number): SizedMessage {
  return { json, role: roleOf(json), tokens };
}

/** A message from outside: an object with a role, counted. Throws `chat.malformed_message`. */
export async function readMessage(counter: TokenCounter, json: string): Promise<SizedMessage> {
  return { json, role: roleOf(json), tokens: await counter.count(json) };
}

function roleOf(json: string): string {
  let parsed: { readonly role?: unknown } | null;
  try {
    parsed = JSON.parse(json) as { readonly role?: unknown } | null;
  } catch (cause) {
    throw chatFaults.malformed_message({ cause });
  }
  if (typeof parsed?.role !== "string") throw chatFaults.malformed_message();
  return parsed.role;
}
