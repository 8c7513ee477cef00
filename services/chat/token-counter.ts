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
/**
 * The tokenizer's time grows with the square of a run without a break: 100,000 blanks took it 47 s.
 * Runs are therefore cut, which costs at most one token more for each cut.
 */
const longRun = /\s{64}|\S{64}/gu;
/** Characters that are counted in one go, some milliseconds; others get their turn in between. */
const goSize = 20_000;

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
      let sinceTurn = 0;
      for (const text of textsOf(JSON.parse(messageJson))) {
        for (const piece of piecesOf(text)) {
          tokens += countText(piece);
          sinceTurn += piece.length;
          if (sinceTurn < goSize) continue;
          sinceTurn = 0;
          await new Promise((resolve) => setImmediate(resolve));
        }
      }
      return tokens;
    },
  };
}

/** The text in pieces: cut at every long run, and otherwise where a go is full and a word begins. */
function* piecesOf(text: string): Generator<string> {
  let start = 0;
  for (const { index, 0: run } of text.matchAll(longRun)) {
    const end = index + run.length;
    yield* goesOf(text.slice(start, end));
    start = end;
  }
  yield* goesOf(text.slice(start));
}

/** `text` has no long run but at its end, so a word begins soon after any place in it. */
function* goesOf(text: string): Generator<string> {
  let start = 0;
  while (text.length - start > goSize) {
    const blank = text.slice(start + goSize).search(/\s/);
    if (blank === -1) break;
    const end = start + goSize + blank;
    yield text.slice(start, end);
    start = end;
  }
  if (start < text.length) yield text.slice(start);
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
