/**
 * How messages become a prompt, as parts: what the format adds may hold special tokens, what people
 * wrote never does, so that a user cannot close his own turn by typing the model's markers. Pure.
 */
export interface ChatMessage {
  readonly role: string;
  readonly content: string;
}

export interface PromptPart {
  readonly text: string;
  /** Marks of the format: special tokens are understood. */
  readonly isFormat: boolean;
}

const open = "\ue000";
const close = "\ue001";

/** The messages with each content replaced by a mark that no template touches. */
export function markContents(messages: readonly ChatMessage[]): readonly ChatMessage[] {
  return messages.map(({ role, content }, index) => ({
    role,
    content: content === "" ? "" : `${open}${index}${close}`,
  }));
}

/** Splits a rendered template at the marks, and puts the contents back. */
export function splitAtContents(
  rendered: string,
  messages: readonly ChatMessage[],
): readonly PromptPart[] {
  const parts: PromptPart[] = [];
  for (const [index, text] of rendered.split(/\ue000(\d+)\ue001/).entries()) {
    const isContent = index % 2 === 1;
    const own = isContent ? (messages[Number(text)]?.content ?? "") : text;
    if (own !== "") parts.push({ text: own, isFormat: !isContent });
  }
  return parts;
}

const examples = [
  ["What is the capital of France?", "The capital of France is Paris."],
  ["How many legs does a spider have?", "A spider has eight legs."],
] as const;

/** Ends an answer of the `question_answer` format. */
export const questionAnswerStops = ["\n\n", "\nQuestion:"] as const;

/** Two examples, then the conversation, then an open answer. */
export function questionAnswerParts(messages: readonly ChatMessage[]): readonly PromptPart[] {
  let text = "";
  for (const { role, content } of messages) {
    if (role === "system") text += `${content.trim()}\n\n`;
  }
  for (const [question, answer] of examples) text += `Question: ${question}\nAnswer: ${answer}\n\n`;
  for (const { role, content } of messages) {
    if (role === "assistant") text += ` ${content.trim()}\n\n`;
    else if (role !== "system") text += `Question: ${content.trim()}\nAnswer:`;
  }
  return [{ text, isFormat: false }];
}
