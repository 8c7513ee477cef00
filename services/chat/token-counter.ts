/**
 * Real token counts by the o200k vocabulary, loaded with the first count: the table takes seventy
 * MiB, which a replica that prepares no context should not pay. Other vocabularies differ by some
 * per cent, so a budget wants a margin.
 */
export interface TokenCounter {
  /** Tokens of a message as the OpenAI dialect writes it: its texts, and a few for its frame. */
  count(messageJson: string): Promise<number>;
}

/** Start, role and end of a message in the chat formats of current models. */
const frameTokens = 4;

export function createTokenCounter(): TokenCounter {
  let loading: Promise<(text: string) => number> | undefined;
  const load = async (): Promise<(text: string) => number> => {
    const tokenizer = await import("gpt-tokenizer/encoding/o200k_base");
    // Names of special tokens in a user's text are text.
    const asText = { disallowedSpecial: new Set<string>() };
    return (text) => tokenizer.countTokens(text, asText);
  };
  return {
    async count(messageJson) {
      loading ??= load();
      const countText = await loading;
      let tokens = frameTokens;
      for (const text of textsOf(JSON.parse(messageJson))) tokens += countText(text);
      return tokens;
    },
  };
}

/** Every string value of a message but those that are no text: addresses of images and files. */
function* textsOf(value: unknown): Generator<string> {
  if (typeof value === "string") yield value;
  else if (Array.isArray(value)) for (const entry of value) yield* textsOf(entry);
  else if (typeof value === "object" && value !== null) {
    for (const [name, member] of Object.entries(value)) {
      if (name !== "image_url" && name !== "file_data" && name !== "role") yield* textsOf(member);
    }
  }
}
