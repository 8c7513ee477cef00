/** Answers as they are on the wire: whole bodies and stream events of both dialect forms. */
import type { TokenLogprob } from "../generation/draw.ts";

export interface Usage {
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly completionTokens: number;
}

/** A token's logarithm of probability with the texts of the tokens. */
export interface NamedLogprob {
  readonly text: string;
  readonly logprob: number;
  readonly top: readonly { readonly text: string; readonly logprob: number }[];
}

export interface AnswerHead {
  readonly id: string;
  /** Seconds since 1970. */
  readonly created: number;
  readonly model: string;
  readonly fingerprint: string;
}

export type FinishReason = "stop" | "length";

/** How one endpoint writes its answer. */
export interface AnswerForm {
  whole(answer: {
    readonly text: string;
    readonly logprobs: readonly NamedLogprob[] | undefined;
    readonly finish: FinishReason;
    readonly usage: Usage;
  }): object;
  /** The event before any text; undefined where the form has none. */
  opening(): object | undefined;
  piece(text: string, logprobs: readonly NamedLogprob[] | undefined): object;
  closing(finish: FinishReason, usage: Usage): object;
}

/** All names that clients look for (the two cache forms are read by different ones). */
function usageBody({ promptTokens, cachedTokens, completionTokens }: Usage): object {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_cache_hit_tokens: cachedTokens,
    prompt_cache_miss_tokens: promptTokens - cachedTokens,
    prompt_tokens_details: { cached_tokens: cachedTokens },
  };
}

function headBody({ id, created, model, fingerprint }: AnswerHead, object: string): object {
  return { id, object, created, model, system_fingerprint: `fp_${fingerprint}` };
}

export function chatForm(head: AnswerHead): AnswerForm {
  const chunk = headBody(head, "chat.completion.chunk");
  const event = (delta: object, rest: object): object => ({
    ...chunk,
    choices: [{ index: 0, delta, logprobs: null, finish_reason: null, ...rest }],
  });
  return {
    whole: ({ text, logprobs, finish, usage }) => ({
      ...headBody(head, "chat.completion"),
      choices: [
        {
          index: 0,
          message: { role: "assistant", content: text },
          logprobs: chatLogprobs(logprobs),
          finish_reason: finish,
        },
      ],
      usage: usageBody(usage),
    }),
    opening: () => event({ role: "assistant", content: "" }, {}),
    piece: (text, logprobs) => event({ content: text }, { logprobs: chatLogprobs(logprobs) }),
    closing: (finish, usage) => ({
      ...event({ content: "" }, { finish_reason: finish }),
      usage: usageBody(usage),
    }),
  };
}

export function textForm(head: AnswerHead): AnswerForm {
  const base = headBody(head, "text_completion");
  const choice = (text: string, logprobs: object | null, finish: FinishReason | null): object => ({
    ...base,
    choices: [{ text, index: 0, logprobs, finish_reason: finish }],
  });
  let offset = 0;
  return {
    whole: ({ text, logprobs, finish, usage }) => ({
      ...choice(text, textLogprobs(logprobs, 0), finish),
      usage: usageBody(usage),
    }),
    opening: () => undefined,
    piece: (text, logprobs) => {
      const start = offset;
      offset += text.length;
      return choice(text, textLogprobs(logprobs, start), null);
    },
    closing: (finish, usage) => ({ ...choice("", null, finish), usage: usageBody(usage) }),
  };
}

/** Marks a probability that is as good as none; JSON has no infinity. */
const logprobMin = -9999;

function finite(logprob: number): number {
  return Math.max(logprobMin, logprob);
}

function chatLogprobs(logprobs: readonly NamedLogprob[] | undefined): object | null {
  if (logprobs === undefined) return null;
  const entry = ({ text, logprob }: { readonly text: string; readonly logprob: number }) => ({
    token: text,
    logprob: finite(logprob),
    bytes: [...Buffer.from(text)],
  });
  return {
    content: logprobs.map((item) => ({ ...entry(item), top_logprobs: item.top.map(entry) })),
  };
}

function textLogprobs(logprobs: readonly NamedLogprob[] | undefined, start: number): object | null {
  if (logprobs === undefined) return null;
  let offset = start;
  return {
    tokens: logprobs.map(({ text }) => text),
    token_logprobs: logprobs.map(({ logprob }) => finite(logprob)),
    top_logprobs: logprobs.map(({ top }) =>
      Object.fromEntries(top.map(({ text, logprob }) => [text, finite(logprob)])),
    ),
    text_offset: logprobs.map(({ text }) => {
      const own = offset;
      offset += text.length;
      return own;
    }),
  };
}

export function namedLogprob(
  { token, logprob, top }: TokenLogprob,
  { textOf, count }: { readonly textOf: (token: number) => string; readonly count: number },
): NamedLogprob {
  return {
    text: textOf(token),
    logprob,
    top: top
      .slice(0, count)
      .map((rival) => ({ text: textOf(rival.token), logprob: rival.logprob })),
  };
}
