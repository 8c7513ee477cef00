/** Where passages of articles go in a prompt, and what is looked for. Pure. */

interface ReadMessage {
  readonly role?: unknown;
  readonly content?: unknown;
}

/** A question is mostly at the end of what a user says. */
const questionLengthMax = 1_500;
/** Shorter ones mean little without the one before: "And in winter?" */
const shortLength = 60;

/**
 * The messages with a context in them: at the end of the first system message, or as one of its own
 * before all others, since chat templates of several models accept no other place.
 */
export function insertContext(messageJsons: readonly string[], context: string): string[] {
  const [first, ...rest] = messageJsons;
  if (first === undefined) return [];
  const message = JSON.parse(first) as ReadMessage;
  const isInstruction = message.role === "system" || message.role === "developer";
  if (!isInstruction) {
    return [JSON.stringify({ role: "system", content: context }), ...messageJsons];
  }
  const { content } = message;
  const joined = Array.isArray(content)
    ? [...(content as readonly unknown[]), { type: "text", text: context }]
    : `${typeof content === "string" ? content : ""}\n\n${context}`;
  return [JSON.stringify({ ...message, content: joined }), ...rest];
}

/** `developer` written as `system`, for servers that know the older name only. */
export function withSystemRoles(messageJsons: readonly string[]): string[] {
  return messageJsons.map((json) => {
    if (!json.includes("developer")) return json;
    const message = JSON.parse(json) as ReadMessage;
    return message.role === "developer" ? JSON.stringify({ ...message, role: "system" }) : json;
  });
}

/** What the user asks: the last thing said, with the one before where it is short. */
export function questionOf(messageJsons: readonly string[]): string {
  const said: string[] = [];
  for (let index = messageJsons.length - 1; index >= 0 && said.length < 2; index -= 1) {
    const message = JSON.parse(messageJsons[index] ?? "{}") as ReadMessage;
    if (message.role !== "user") continue;
    said.unshift(textOf(message.content));
    if ((said[0]?.length ?? 0) >= shortLength) break;
  }
  // Characters that no text can hold would have the question refused.
  const text = said.join("\n").slice(-questionLengthMax).toWellFormed().replaceAll("\0", " ");
  return text.trim();
}

function textOf(content: unknown): string {
  if (typeof content === "string") return content.trim();
  if (!Array.isArray(content)) return "";
  return (content as readonly { readonly type?: unknown; readonly text?: unknown }[])
    .filter(({ type, text }) => type === "text" && typeof text === "string")
    .map(({ text }) => String(text))
    .join("\n")
    .trim();
}
