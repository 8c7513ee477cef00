import { agreeingTokens } from "../core/healing.ts";
import { seedAt } from "../core/seed.ts";
import { faults } from "../faults.ts";
import type {
  EvaluationOutput,
  Grammar,
  Llama,
  LlamaModel,
  LlamaSequence,
  SamplingOptions,
} from "./llama.ts";

/** How tokens are chosen in one request. */
export interface Sampling {
  /** 0 is greedy. */
  readonly temperature: number;
  readonly topP: number;
  readonly topK: number;
  readonly minP: number;
  readonly repeatPenalty: number;
  readonly seed: number;
}

export interface TokenLogprob {
  readonly token: number;
  readonly logprob: number;
  readonly top: readonly { readonly token: number; readonly logprob: number }[];
}

export interface Drawn {
  readonly token: number;
  readonly logprob: TokenLogprob | undefined;
}

/** Draws the tokens of one generation, each after the one before it was evaluated. */
export interface Drawer {
  /** Evaluates `last` and draws what follows it. `output` are the answer's tokens so far. */
  draw(last: number, output: readonly number[]): Promise<Drawn>;
}

const penalizedTokens = 64;

function samplingAt(sampling: Sampling, output: readonly number[]): SamplingOptions {
  const { temperature, topP, topK, minP, repeatPenalty, seed } = sampling;
  const plain = { temperature, topP, topK, minP, seed: seedAt(seed, output.length) };
  if (repeatPenalty === 1 || output.length === 0) return plain;
  const punishTokens = output.slice(-penalizedTokens);
  return { ...plain, repeatPenalty: { punishTokens, penalty: repeatPenalty } };
}

/** Draws freely; with `topLogprobs`, also tells how likely the token and its rivals were. */
export function freeDrawer(
  sequence: LlamaSequence,
  sampling: Sampling,
  topLogprobs: number | undefined,
): Drawer {
  return {
    draw: async (last, output) => {
      const options = samplingAt(sampling, output);
      const logits = {
        filter: { tokens: [], includeSelected: true, includeTop: topLogprobs ?? 0 },
      };
      const asked =
        topLogprobs === undefined
          ? ({ token: true, options } as const)
          : ({ token: true, logits, totalLogitWeight: true, options } as const);
      const [result] = await sequence.controlledEvaluate([[last, { generateNext: asked }]]);
      const token = result?.next.token;
      if (result === undefined || typeof token !== "number") throw faults.generation_failed();
      return { token, logprob: topLogprobs === undefined ? undefined : logprobOf(token, result) };
    },
  };
}

/** Logits to logarithms of probability, over the tokens that could be drawn. */
function logprobOf(token: number, { next }: EvaluationOutput): TokenLogprob {
  const logits = next.logits ?? new Map<number, number>();
  const max = Math.max(...logits.values());
  const norm = max + Math.log(next.totalLogitWeight ?? 1);
  const top = [...logits].map(([other, logit]) => ({ token: other, logprob: logit - norm }));
  return { token, logprob: (logits.get(token) ?? Number.NEGATIVE_INFINITY) - norm, top };
}

/** Draws the most likely token among those that agree with a text; undefined when none does. */
export async function drawAgreeing(
  sequence: LlamaSequence,
  last: number,
  place: {
    readonly vocabulary: readonly string[];
    readonly again: string;
    readonly sampling: Sampling;
    /** The answer's tokens so far: repetition counts here as it did the first time. */
    readonly output: readonly number[];
  },
): Promise<number | undefined> {
  const tokens = agreeingTokens(place.vocabulary, place.again);
  if (tokens.length === 0) return undefined;
  const greedy = { ...place.sampling, temperature: 0, topP: 1, topK: 0, minP: 0 };
  const options = samplingAt(greedy, place.output);
  const asked = { logits: { filter: { tokens } }, options } as const;
  const [result] = await sequence.controlledEvaluate([[last, { generateNext: asked }]]);
  let best: number | undefined;
  let bestLogit = Number.NEGATIVE_INFINITY;
  for (const [token, logit] of result?.next.logits ?? []) {
    if (logit <= bestLogit) continue;
    best = token;
    bestLogit = logit;
  }
  return best;
}

/** Far above any logit a model gives. */
const certainLogit = 10_000;

/** Draws what a grammar allows. Tokens of an existing beginning are pushed through it first. */
export class GrammarDrawer implements Drawer {
  readonly #sequence: LlamaSequence;
  readonly #sampling: Sampling;
  readonly #state;
  readonly #llama: Llama;
  readonly #model: LlamaModel;

  constructor(options: {
    readonly llama: Llama;
    readonly model: LlamaModel;
    readonly sequence: LlamaSequence;
    readonly sampling: Sampling;
    readonly grammar: Grammar;
  }) {
    this.#sequence = options.sequence;
    this.#sampling = options.sampling;
    this.#llama = options.llama;
    this.#model = options.model;
    this.#state = options.llama.grammarState(options.model, options.grammar);
  }

  async draw(last: number, output: readonly number[]): Promise<Drawn> {
    return {
      token: await this.#step(last, samplingAt(this.#sampling, output)),
      logprob: undefined,
    };
  }

  /** Takes `token` as drawn after `last`. Throws when the grammar forbids it. */
  async force(last: number, token: number): Promise<void> {
    const tokenBias = this.#llama.tokenBias(this.#model).set(token, { logit: certainLogit });
    const greedy = { temperature: 0, topP: 1, topK: 0, minP: 0, seed: 0, tokenBias };
    if ((await this.#step(last, greedy)) === token) return;
    throw faults.bad_request({
      publicMessage: "The assistant message to continue does not fit the response_format.",
    });
  }

  async #step(
    last: number,
    options: SamplingOptions & { readonly tokenBias?: ReturnType<Llama["tokenBias"]> },
  ): Promise<number> {
    const drawn = this.#sequence.evaluate([last], {
      ...options,
      grammarEvaluationState: this.#state,
      yieldEogToken: true,
    });
    for await (const token of drawn) return token;
    throw faults.generation_failed({ detail: "the grammar left no token to draw" });
  }
}
