import type { CallerIdentity, PhasedCall, PhaseTrace } from "@tandem/libs/gateway";
import type { Exchange } from "@tandem/libs/http";
import { assert, type Fault, priorityDefault } from "@tandem/libs/kernel";
import type { Citation } from "./articles/articles.ts";
import type { AnswerPlace } from "./cache/answer-cache.ts";
import type { StoredAnswer } from "./cache/answer-memory.ts";
import type { CatalogueModel } from "./core/catalogue/catalogue.ts";
import type { ModelPrice } from "./core/money/charge.ts";
import { likelyPromptTokens } from "./core/money/prompt-estimate.ts";
import { noUsage, type TokenUsage } from "./core/money/token-usage.ts";
import type { Endpoint, GenerationRequest } from "./core/request/generation-request.ts";
import type { AnswerReader } from "./core/stream/answer-reader.ts";
import { SentText } from "./core/stream/sent-text.ts";
import type { EmbeddingsAnswer } from "./core/whole/embeddings.ts";
import type { WholeAnswer } from "./core/whole/whole-reader.ts";
import type { AnswerWriter } from "./dialects/answer-writer.ts";
import type { Dialect, Keeping } from "./dialects/dialect.ts";
import type { GenerationRoute } from "./dialects/routes.ts";
import type { HandOver } from "./hand-over/hand-over.ts";
import type { HeldPlaces } from "./limits/held-places.ts";
import type { Passage } from "./limits/organisation-limits.ts";
import type { Payer, Reservation } from "./money/wallet-line.ts";
import type { Attempt } from "./upstream/attempt.ts";
import type { LiveTarget } from "./upstream/live-upstream.ts";
import type { Splice } from "./upstream/splice.ts";

/** One try at one target, as it is told afterwards. Times in milliseconds. */
export interface AttemptRecord {
  readonly upstream: string;
  readonly model: string;
  readonly startMs: number;
  durationMs: number;
  firstTokenMs: number;
  status: number;
  /** What went wrong; empty when nothing did. */
  failure: string;
}

/** How the cache took part: not asked, not there, there. */
export type CacheMark = "bypass" | "miss" | "hit";

/** How a request ended. */
export type CallOutcome = "complete" | "partial" | "failed" | "cached" | "canceled";

/** A conversation that the request belongs to. */
export interface ConversationTurn {
  readonly id: string;
  /** What the client sent, as JSON; appended with the answer. */
  readonly messageJsons: readonly string[];
  /** History and new messages, as JSON. */
  readonly messagesJson: string;
  readonly promptTokens: number;
}

/** Passages of articles in the prompt. */
export interface ArticlesInContext {
  readonly citations: readonly Citation[];
  /** All messages, with them, as JSON. */
  readonly messagesJson: string;
  /** Tokens they take at most. */
  readonly tokens: number;
}

/**
 * One request on its way through the phases; each fills in what the next ones read. What a phase
 * needs and no earlier one has set is a mistake of ours, so the getters assert.
 */
export class Call implements PhasedCall {
  readonly exchange: Exchange;
  readonly endpoint: Endpoint;
  /** How the client speaks; only its own edge asks for it. */
  readonly dialect: Dialect;
  readonly trace: PhaseTrace;
  readonly requestId: string;
  fault: Fault | undefined = undefined;

  /** Set by `receive`: another replica gave a part of the answer, and was lost. */
  handOver: HandOver | undefined = undefined;
  credential = "";
  /** How much it matters: see `libs/kernel/priority.ts`. */
  priority: number = priorityDefault;
  /** Turned away for want of room. */
  isShed: boolean = false;
  body: Buffer | undefined = undefined;
  /** Set by `validate`. */
  #request: GenerationRequest | undefined = undefined;
  #answer: AnswerWriter | undefined = undefined;
  /** Members of the request that have no effect. */
  ignored: readonly string[] = [];
  keeping: Keeping | undefined = undefined;
  /** Canonical messages of what the request goes on from. Set by `prepare_context`. */
  previousJsons: readonly string[] = [];
  /** Set by `authenticate`. */
  #identity: CallerIdentity | undefined = undefined;
  #model: CatalogueModel | undefined = undefined;
  payer: Payer | undefined = undefined;
  ruleId = "";
  /** Set by `check_quota`. */
  price: ModelPrice | undefined = undefined;
  passage: Passage | undefined = undefined;
  /** In place of a passage, where another replica has admitted it. */
  heldPlaces: HeldPlaces | undefined = undefined;
  reservation: Reservation | undefined = undefined;
  /** Tokens an answer may have, for which money is held; undefined where nothing bounds them. */
  tokensMax: number | undefined = undefined;
  /** Set by `look_up_cache`. */
  cacheMark: CacheMark = "bypass";
  cachePlace: AnswerPlace | undefined = undefined;
  /** The cache's key of the answer that this call makes for all who ask the same. */
  flight: string | undefined = undefined;
  cached: StoredAnswer | undefined = undefined;
  /** Set by `prepare_context`. */
  turn: ConversationTurn | undefined = undefined;
  articles: ArticlesInContext | undefined = undefined;
  /** Set by `select_model`. */
  targets: readonly LiveTarget[] = [];
  /** One of those that are spilled, or moved, to the standby. */
  prefersStandby: boolean = false;
  /** Set by `generate`. */
  readonly attempts: AttemptRecord[] = [];
  readonly sent = new SentText();
  attempt: Attempt | undefined = undefined;
  target: LiveTarget | undefined = undefined;
  reader: AnswerReader | undefined = undefined;
  /** What became of a stream that broke, while it is gone on with. */
  splice: Splice | undefined = undefined;
  whole: WholeAnswer | undefined = undefined;
  embeddings: EmbeddingsAnswer | undefined = undefined;
  /** A whole answer that is to be shown as a stream. */
  isReplayed: boolean = false;
  usage: TokenUsage = noUsage;
  outcome: CallOutcome = "failed";
  /** Set by `record`. */
  chargedNanos = 0n;
  /** `chargedNanos` as text, once somebody has asked. */
  costText: string | undefined = undefined;
  upstreamNanos = 0n;
  /** Of the monotonic clock: when a stream has to be over, whoever generates it. */
  streamEndsAtMs = Number.POSITIVE_INFINITY;
  /** From the request's beginning to the first real word for the client; 0 when there was none. */
  firstTokenMs = 0;
  /** Another replica goes on with it: nothing of it is settled here. */
  isMoved: boolean = false;
  /** The client has gone; nobody is answered any more. */
  hasClientLeft: boolean = false;
  /** What was answered; 0 while nothing was. */
  status = 0;
  /** What is not as it should be, in the words of `x-tandem-degraded`. */
  readonly #marks: string[] = [];
  /** Runs when the client leaves; replaced by whoever can end something at that moment. */
  onLeave: (() => void) | undefined = undefined;

  constructor(given: {
    readonly exchange: Exchange;
    readonly route: GenerationRoute;
    readonly trace: PhaseTrace;
    readonly requestId: string;
  }) {
    this.exchange = given.exchange;
    this.endpoint = given.route.endpoint;
    this.dialect = given.route.dialect;
    this.trace = given.trace;
    this.requestId = given.requestId;
  }

  get request(): GenerationRequest {
    assert(this.#request !== undefined, "the request was validated");
    return this.#request;
  }

  set request(request: GenerationRequest) {
    this.#request = request;
  }

  /** For what runs in any case. */
  get validRequest(): GenerationRequest | undefined {
    return this.#request;
  }

  get answer(): AnswerWriter {
    assert(this.#answer !== undefined, "the request was received");
    return this.#answer;
  }

  set answer(answer: AnswerWriter) {
    this.#answer = answer;
  }

  get identity(): CallerIdentity {
    assert(this.#identity !== undefined, "the caller was authenticated");
    return this.#identity;
  }

  set identity(identity: CallerIdentity) {
    this.#identity = identity;
  }

  get knownIdentity(): CallerIdentity | undefined {
    return this.#identity;
  }

  get model(): CatalogueModel {
    assert(this.#model !== undefined, "the model was found");
    return this.#model;
  }

  set model(model: CatalogueModel) {
    this.#model = model;
  }

  get knownModel(): CatalogueModel | undefined {
    return this.#model;
  }

  /** The model's name in what the client sees: as it asked, or what `auto` came to. */
  get shownModel(): string {
    const { model } = this.request;
    return model === "auto" ? this.model.id : model;
  }

  /** Messages that take the place of the client's, as JSON; undefined where they are its own. */
  get preparedMessages(): string | undefined {
    return this.articles?.messagesJson ?? this.turn?.messagesJson;
  }

  /** Tokens of a prompt that was prepared; undefined where it is the client's own. */
  get preparedTokens(): number | undefined {
    if (this.turn === undefined && this.articles === undefined) return undefined;
    const own = this.turn?.promptTokens ?? likelyPromptTokens(this.request.prompt);
    return own + (this.articles?.tokens ?? 0);
  }

  mark(what: string): void {
    if (!this.#marks.includes(what)) this.#marks.push(what);
  }

  get marks(): readonly string[] {
    return this.#marks;
  }

  /** Another replica can go on with this stream: it flows, and all of it can be read back. */
  get mayMove(): boolean {
    const canBeRead = this.dialect.readSent !== undefined && this.sent.isWhole;
    const hasBegun = this.#answer?.hasFlowed === true || this.#answer?.isOpened === true;
    return canBeRead && hasBegun && !this.hasClientLeft;
  }

  /** Stops without a word; who goes on with it settles it, too. */
  moveAway(): void {
    this.isMoved = true;
    this.answer.abandon();
    this.leave();
  }

  leave(): void {
    if (this.hasClientLeft) return;
    this.hasClientLeft = true;
    this.onLeave?.();
  }
}
