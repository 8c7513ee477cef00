/**
 * A generative model in memory: one context, one sequence, one generation at a time (the lane sees
 * to that). What was evaluated stays in the sequence, so that the next prompt that begins alike is
 * answered from there. Work is cut into slices short enough to be left within about 40 ms.
 */
import { createHash } from "node:crypto";
import type { World } from "@tandem/libs/world";
import { afterToken, beforeLastWord } from "../core/healing.ts";
import { JsonEnd } from "../core/json-end.ts";
import { Recollection, type Recording } from "../core/recollection.ts";
import { StopText } from "../core/stop-text.ts";
import { faults } from "../faults.ts";
import { collectYoungGarbage } from "./collect-garbage.ts";
import {
  type Drawer,
  drawAgreeing,
  freeDrawer,
  GrammarDrawer,
  type Sampling,
  type TokenLogprob,
} from "./draw.ts";
import type { Grammar, Llama, LlamaModel, LlamaSequence } from "./llama.ts";
import { TokenText } from "./token-text.ts";

export interface GenerationRequest {
  readonly promptTokens: readonly number[];
  /** Text of the answer that is there already; the generation goes on after it. */
  readonly prefix: string;
  /** Blanks at the very start of an answer are left out. */
  readonly trimsStart: boolean;
  readonly tokensMax: number;
  readonly stops: readonly string[];
  readonly sampling: Sampling;
  readonly grammar: Grammar | undefined;
  /** How many rivals of each token to tell; undefined: no logarithms of probability at all. */
  readonly topLogprobs: number | undefined;
}

export type GenerationEvent =
  | { readonly kind: "started"; readonly promptTokens: number; readonly cachedTokens: number }
  | {
      readonly kind: "text";
      readonly text: string;
      readonly logprobs: readonly TokenLogprob[];
    }
  | {
      readonly kind: "ended";
      readonly finish: "stop" | "length";
      readonly completionTokens: number;
    };

const sliceBudgetMs = 35;
const sliceTokensMax = 32;
const recollectionLimit = 64;
const collectionSteps = 32;
const measurements = 3;
/** At this place in the context a token takes about twice as long as at its start (measured). */
const attentionTokens = 1024;
/** The library keeps one place of the context free. */
const reservedTokens = 1;

/** Where a generation starts from: the tokens of the prefix, and what of it must be drawn again. */
interface Start {
  readonly tokens: readonly number[];
  readonly again: string;
  /** How many tokens that is: the caller gave them, so they are counted as its input. */
  readonly againCount: number;
  /** Text the tokens say beyond the prefix. */
  readonly beyond: string;
}

export class LoadedModel {
  readonly model: LlamaModel;
  /** Tokens of input and output together. */
  readonly contextTokens: number;
  readonly #llama: Llama;
  readonly #sequence: LlamaSequence;
  readonly #sliceTokens: number;
  readonly #recollection = new Recollection(recollectionLimit);
  #vocabulary: readonly string[] | undefined;
  #steps = 0;

  private constructor(parts: {
    readonly llama: Llama;
    readonly model: LlamaModel;
    readonly sequence: LlamaSequence;
    readonly contextTokens: number;
    readonly sliceTokens: number;
  }) {
    this.model = parts.model;
    this.contextTokens = parts.contextTokens;
    this.#llama = parts.llama;
    this.#sequence = parts.sequence;
    this.#sliceTokens = parts.sliceTokens;
  }

  static async load(options: {
    readonly llama: Llama;
    readonly path: string;
    readonly contextTokens: number;
    readonly threads: number;
    readonly world: World;
    readonly signal: AbortSignal;
  }): Promise<LoadedModel> {
    const { llama, path, contextTokens, threads, world, signal } = options;
    const model = await llama.loadModel(path, signal);
    try {
      const context = await model.createContext({
        contextSize: contextTokens,
        batchSize: sliceTokensMax,
        sequences: 1,
        threads,
        createSignal: signal,
      });
      const sequence = context.getSequence();
      const sliceTokens = await measureSlice(model, sequence, world);
      return new LoadedModel({
        llama,
        model,
        sequence,
        contextTokens: context.contextSize - reservedTokens,
        sliceTokens,
      });
    } catch (error) {
      await model.dispose();
      throw error;
    }
  }

  dispose(): Promise<void> {
    return this.model.dispose();
  }

  /**
   * Generates. The signal stops it before the next slice or token, and nothing is thrown then.
   * Throws `engine.context_overflow` before the first event when the input leaves no room.
   */
  async *generate(
    request: GenerationRequest,
    signal: AbortSignal,
  ): AsyncGenerator<GenerationEvent, void, undefined> {
    const { promptTokens } = request;
    const promptHash = hashOf(promptTokens);
    const start = this.#startOf(request, promptHash);
    // No text has more tokens than bytes.
    const againTokens = Buffer.byteLength(start.again);
    const room = this.contextTokens - promptTokens.length - start.tokens.length - againTokens;
    if (promptTokens.length === 0 || room < 1) throw this.#overflow(request, start);
    const begunText = start.again === "" ? request.prefix + start.beyond : request.prefix;
    const recording = this.#recollection.record(promptHash, {
      tokens: start.tokens,
      text: begunText.slice(0, begunText.length - start.again.length),
    });
    const cachedTokens = await this.#prefill(request, start, signal);
    yield {
      kind: "started",
      promptTokens: promptTokens.length + start.tokens.length + start.againCount,
      cachedTokens,
    };
    const drawer = await this.#drawerFor(request, start, signal);
    const tokensMax = Math.min(request.tokensMax, room);
    yield* this.#drawAll({ ...request, tokensMax }, { start, drawer, recording, signal });
  }

  /** The further on, the more there is to attend to, and the fewer tokens fit into the time. */
  #sliceAt(position: number): number {
    return Math.max(1, Math.floor(this.#sliceTokens / (1 + position / attentionTokens)));
  }

  #countStep(): void {
    this.#steps += 1;
    if (this.#steps % collectionSteps === 0) collectYoungGarbage();
  }

  #overflow({ promptTokens, prefix }: GenerationRequest, { tokens }: Start) {
    const given = promptTokens.length + tokens.length;
    return faults.context_overflow({
      publicMessage:
        given === 0 && prefix === ""
          ? "The prompt is empty. Give the model something to go on."
          : `The input has ${given} tokens; the model's context holds ${this.contextTokens}, ` +
            "the answer included. Shorten the input.",
    });
  }

  /** The tokens behind the prefix: the ones that were drawn, if that is remembered. */
  #startOf({ prefix, grammar }: GenerationRequest, promptHash: string): Start {
    if (prefix === "") return { tokens: [], again: "", againCount: 0, beyond: "" };
    const remembered = this.#recollection.find(promptHash, prefix);
    if (remembered !== undefined) return { ...remembered, again: "", againCount: 0 };
    const tokens = this.model.tokenize(prefix, false, "trimLeadingSpace");
    // A grammar works on characters: any tokens of the text will do.
    if (grammar !== undefined) return { tokens, again: "", againCount: 0, beyond: "" };
    const { kept, again } = beforeLastWord(tokens, (token, index) =>
      this.model.detokenize([token], false, tokens.slice(Math.max(0, index - 1), index)),
    );
    return { tokens: kept, again, againCount: tokens.length - kept.length, beyond: "" };
  }

  /**
   * Evaluates all but the last token, and tells how many were there already. The prompt goes in
   * slices; the tokens of an answer one by one, as when they were drawn: sums in another order
   * differ in the last bits, and a continuation has to be exact.
   */
  async #prefill(
    { promptTokens, grammar }: GenerationRequest,
    { tokens }: Start,
    signal: AbortSignal,
  ): Promise<number> {
    const known = grammar === undefined ? [...promptTokens, ...tokens] : promptTokens;
    await this.#sequence.adaptStateToTokens(known.slice(0, -1), false);
    const cachedTokens = this.#sequence.nextTokenIndex;
    const promptEnd = promptTokens.length - 1;
    let at = cachedTokens;
    while (at < known.length - 1 && !signal.aborted) {
      const end = at < promptEnd ? Math.min(at + this.#sliceAt(at), promptEnd) : at + 1;
      await this.#sequence.evaluateWithoutGeneratingNewTokens(known.slice(at, end));
      this.#countStep();
      at = end;
    }
    return cachedTokens;
  }

  async #drawerFor(
    { promptTokens, sampling, grammar, topLogprobs }: GenerationRequest,
    { tokens }: Start,
    signal: AbortSignal,
  ): Promise<Drawer> {
    const sequence = this.#sequence;
    if (grammar === undefined) return freeDrawer(sequence, sampling, topLogprobs);
    const { model } = this;
    const drawer = new GrammarDrawer({ llama: this.#llama, model, sequence, sampling, grammar });
    let last = promptTokens.at(-1) ?? 0;
    for (const token of tokens) {
      if (signal.aborted) break;
      await drawer.force(last, token);
      this.#countStep();
      last = token;
    }
    return drawer;
  }

  async *#drawAll(
    request: GenerationRequest,
    run: {
      readonly start: Start;
      readonly drawer: Drawer;
      readonly recording: Recording;
      readonly signal: AbortSignal;
    },
  ): AsyncGenerator<GenerationEvent, void, undefined> {
    const { start, drawer, recording, signal } = run;
    const known = [...request.promptTokens, ...start.tokens];
    const output = [...start.tokens];
    const texts = new TokenText(this.model, known);
    const outlet = new Outlet(request);
    yield* outlet.push(start.beyond, undefined);
    let { again } = start;
    let last = known.at(-1) ?? 0;
    let completionTokens = 0;
    while (completionTokens < request.tokensMax && outlet.finish === "length") {
      if (signal.aborted) return;
      const healed =
        again === ""
          ? undefined
          : await this.#drawAgain(last, { again, output, sampling: request.sampling });
      const drawn = healed ?? (await drawer.draw(last, output));
      if (healed === undefined && this.model.isEogToken(drawn.token)) {
        outlet.finish = "stop";
        break;
      }
      last = drawn.token;
      output.push(last);
      this.#countStep();
      const whole = texts.push(last);
      recording.add(last, whole);
      const after = afterToken(again, whole);
      again = healed === undefined ? "" : after.again;
      // What only says again what the caller has is not counted, and does not count as new.
      if (healed === undefined || after.beyond !== "") completionTokens += 1;
      yield* outlet.push(healed === undefined ? whole : after.beyond, drawn.logprob);
    }
    yield* outlet.end(texts.rest());
    yield { kind: "ended", finish: outlet.finish, completionTokens };
  }

  async #drawAgain(
    last: number,
    place: {
      readonly again: string;
      readonly output: readonly number[];
      readonly sampling: Sampling;
    },
  ) {
    this.#vocabulary ??= vocabularyOf(this.model);
    const vocabulary = this.#vocabulary;
    const token = await drawAgreeing(this.#sequence, last, { ...place, vocabulary });
    return token === undefined ? undefined : { token, logprob: undefined };
  }
}

/** What of the drawn text goes out: up to a stop string, or to the end of a JSON value. */
class Outlet {
  finish: "stop" | "length" = "length";
  readonly #stops: StopText;
  readonly #json: JsonEnd | undefined;
  #trims: boolean;

  constructor({ stops, grammar, prefix, trimsStart }: GenerationRequest) {
    this.#stops = new StopText(stops);
    this.#trims = trimsStart && prefix === "";
    if (grammar === undefined) return;
    this.#json = new JsonEnd();
    if (this.#json.push(prefix) !== undefined) this.finish = "stop";
  }

  *push(text: string, logprob: TokenLogprob | undefined): Generator<GenerationEvent> {
    if (this.finish === "stop") return;
    const jsonLength = this.#json?.push(text);
    const safe = this.#stops.push(text.slice(0, jsonLength));
    if (this.#stops.isStopped || jsonLength !== undefined) this.finish = "stop";
    yield* textEvents(this.#trimmed(safe), logprob === undefined ? [] : [logprob]);
  }

  /** What was held back; `rest` are the bytes of a character that never was completed. */
  *end(rest: string): Generator<GenerationEvent> {
    if (this.#stops.isStopped) return;
    const late = this.finish === "stop" && this.#json !== undefined ? "" : this.#stops.push(rest);
    yield* textEvents(this.#trimmed(late + this.#stops.rest()), []);
  }

  #trimmed(text: string): string {
    if (!this.#trims) return text;
    const kept = text.trimStart();
    if (kept !== "") this.#trims = false;
    return kept;
  }
}

function textEvents(text: string, logprobs: readonly TokenLogprob[]): readonly GenerationEvent[] {
  return text === "" && logprobs.length === 0 ? [] : [{ kind: "text", text, logprobs }];
}

/** The text of every token in the middle of a text; empty for what is no whole character. */
function vocabularyOf(model: LlamaModel): readonly string[] {
  const before = model.tokenize("a").slice(-1);
  const texts: string[] = [];
  for (const token of model.iterateAllTokens()) {
    const text = model.isEogToken(token) ? "" : model.detokenize([token], false, before);
    texts.push(text.includes("\ufffd") ? "" : text);
  }
  return texts;
}

/** How many tokens of a prompt fit into a slice of time, after the first ones have warmed it up. */
async function measureSlice(
  model: LlamaModel,
  sequence: LlamaSequence,
  { clock }: World,
): Promise<number> {
  const sample = model.tokenize("Two riders share one machine. Either can pedal, so it goes on.");
  const tokens = sample.slice(0, 12);
  if (tokens.length < 3) return 1;
  let tokenMs = Number.POSITIVE_INFINITY;
  // The quickest counts: the others were held up by what else runs while everything starts.
  for (let measurement = 0; measurement < measurements; measurement += 1) {
    await sequence.adaptStateToTokens([], false);
    await sequence.evaluateWithoutGeneratingNewTokens(tokens.slice(0, 2));
    const startMs = clock.monotonicMs();
    await sequence.evaluateWithoutGeneratingNewTokens(tokens.slice(2));
    tokenMs = Math.min(tokenMs, (clock.monotonicMs() - startMs) / (tokens.length - 2));
  }
  await sequence.adaptStateToTokens([], false);
  return Math.max(1, Math.min(sliceTokensMax, Math.floor(sliceBudgetMs / tokenMs)));
}

function hashOf(tokens: readonly number[]): string {
  return createHash("sha256").update(Uint32Array.from(tokens)).digest("base64");
}
