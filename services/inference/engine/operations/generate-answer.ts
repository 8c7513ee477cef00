import type { Exchange } from "@tandem/libs/http";
import { Fault } from "@tandem/libs/kernel";
import { newId } from "@tandem/libs/world";
import type { Ticket } from "../core/lane.ts";
import { describeState } from "../core/model-state.ts";
import { faults } from "../faults.ts";
import type { TokenLogprob } from "../generation/draw.ts";
import type { Generator, GeneratorHost } from "../generation/engine.ts";
import type { GenerationRequest } from "../generation/loaded-model.ts";
import { admit, priorityIn } from "./admission.ts";
import { Answer } from "./answer.ts";
import {
  type AnswerForm,
  type AnswerHead,
  type NamedLogprob,
  namedLogprob,
} from "./answer-form.ts";
import type { OperationTools } from "./operation-tools.ts";
import type { QuestionTools } from "./questions.ts";
import type { GenerationBody } from "./request-body.ts";

/** What differs between the endpoints that generate. */
export interface GenerationPlan {
  readonly body: GenerationBody;
  readonly form: (head: AnswerHead) => AnswerForm;
  /** Turns the body into a question once the model is there; `echo` is said before the answer. */
  readonly question: (
    tools: QuestionTools,
  ) => Promise<{ readonly request: GenerationRequest; readonly echo: string }>;
}

/** One generation from waiting to its end, on the wire. */
export async function generateAnswer(
  exchange: Exchange,
  tools: OperationTools,
  plan: GenerationPlan,
): Promise<void> {
  const { engine, config, world } = tools;
  const { body } = plan;
  const host = engine.generator(body.model);
  if (host === undefined) {
    throw faults.model_unknown({
      publicMessage: `The engine has no model "${body.model}". GET /v1/models lists what it has.`,
      context: { param: "model" },
    });
  }
  const left = new AbortController();
  exchange.onAbort(() => left.abort());
  const signal = AbortSignal.any([left.signal, tools.closing]);
  let ticket: Ticket | undefined;
  const answer = new Answer(exchange, {
    isStream: body.stream === true,
    keepAliveMs: config.keepAliveMs,
    world,
    describeWait: () => waitOf(host, ticket),
  });
  try {
    const { loaded } = await admit({
      host,
      lane: engine.generationLane,
      priority: priorityIn(exchange),
      world,
      waitTimeoutMs: config.waitTimeoutMs,
      isImpatient: exchange.head.headers.has("x-tandem-no-wait"),
      signal,
      onTicket: (own) => {
        ticket = own;
        tools.metrics.waiting.set(engine.generationLane.waiting);
      },
    });
    await generate({ plan, loaded, host, answer, signal, tools });
  } catch (error) {
    if (!left.signal.aborted) answer.fail(asFault(error, tools), detailsOf(host));
  } finally {
    ticket?.leave();
    tools.metrics.waiting.set(engine.generationLane.waiting);
  }
}

function waitOf({ state }: GeneratorHost, ticket: Ticket | undefined): string {
  if (state.kind !== "ready") return describeState(state).message;
  return `before you: ${ticket?.place() ?? 0}`;
}

/** How far the model is, beside an error that says it is not there. */
function detailsOf(host: GeneratorHost): object {
  return host.loaded === undefined ? { model_state: describeState(host.state) } : {};
}

function asFault(error: unknown, { log }: OperationTools): Fault {
  if (Fault.is(error)) return error;
  log.error("engine_generation_failed", { error: String(error) });
  return faults.generation_failed({ cause: error, detail: String(error) });
}

async function generate(run: {
  readonly plan: GenerationPlan;
  readonly loaded: Generator;
  readonly host: GeneratorHost;
  readonly answer: Answer;
  readonly signal: AbortSignal;
  readonly tools: OperationTools;
}): Promise<void> {
  const { plan, loaded, host, answer, signal, tools } = run;
  const { world, config, metrics } = tools;
  const startMs = world.clock.monotonicMs();
  const secondsSince = (): number => (world.clock.monotonicMs() - startMs) / 1000;
  const seed = Math.floor(world.randomness.fraction() * 0xffff_ffff);
  const { request, echo } = await plan.question({ generator: loaded, config, seed });
  const form = plan.form({
    id: newId(world, "chat"),
    created: Math.floor(world.clock.nowMs() / 1000),
    model: host.facts.id,
    fingerprint: host.facts.fingerprint,
  });
  const writer = new AnswerWriter({
    form,
    answer,
    isStream: plan.body.stream === true,
    name: logprobNamer(loaded, request),
  });
  const labels = { model: host.facts.id };
  let usage = { promptTokens: 0, cachedTokens: 0, completionTokens: 0 };
  for await (const event of loaded.model.generate(request, signal)) {
    if (event.kind === "started") {
      usage = { ...usage, promptTokens: event.promptTokens, cachedTokens: event.cachedTokens };
      writer.start(echo);
    } else if (event.kind === "text") {
      if (writer.isEmpty) metrics.firstTokenSeconds.observe(secondsSince(), labels);
      writer.text(event.text, event.logprobs);
    } else {
      usage = { ...usage, completionTokens: event.completionTokens };
      writer.end(event.finish, usage);
    }
  }
  metrics.answerSeconds.observe(secondsSince(), labels);
  metrics.tokens.add(usage.promptTokens, { ...labels, kind: "input" });
  metrics.tokens.add(usage.cachedTokens, { ...labels, kind: "cached_input" });
  metrics.tokens.add(usage.completionTokens, { ...labels, kind: "output" });
  if (signal.aborted) throw faults.closing();
}

type Namer = ((logprob: TokenLogprob) => NamedLogprob) | undefined;

function logprobNamer({ model }: Generator, { topLogprobs }: GenerationRequest): Namer {
  if (topLogprobs === undefined) return undefined;
  const textOf = (token: number): string => model.model.detokenize([token], true);
  return (logprob) => namedLogprob(logprob, { textOf, count: topLogprobs });
}

/** Puts a generation's events on the wire, whole or piece by piece. */
class AnswerWriter {
  readonly #form: AnswerForm;
  readonly #answer: Answer;
  readonly #isStream: boolean;
  readonly #name: Namer;
  readonly #logprobs: NamedLogprob[] = [];
  #text = "";
  #pieces = 0;

  constructor(parts: {
    readonly form: AnswerForm;
    readonly answer: Answer;
    readonly isStream: boolean;
    readonly name: Namer;
  }) {
    this.#form = parts.form;
    this.#answer = parts.answer;
    this.#isStream = parts.isStream;
    this.#name = parts.name;
  }

  get isEmpty(): boolean {
    return this.#pieces === 0;
  }

  start(echo: string): void {
    this.#text = echo;
    if (!this.#isStream) return;
    const opening = this.#form.opening();
    if (opening !== undefined) this.#answer.event(opening);
    if (echo !== "") this.#answer.event(this.#form.piece(echo, undefined));
  }

  text(text: string, logprobs: readonly TokenLogprob[]): void {
    this.#pieces += 1;
    const name = this.#name;
    const named = name === undefined ? undefined : logprobs.map(name);
    if (this.#isStream) {
      this.#answer.event(this.#form.piece(text, named));
      return;
    }
    this.#text += text;
    this.#logprobs.push(...(named ?? []));
  }

  end(finish: "stop" | "length", usage: Parameters<AnswerForm["closing"]>[1]): void {
    if (this.#isStream) {
      this.#answer.event(this.#form.closing(finish, usage));
      this.#answer.done();
      return;
    }
    const logprobs = this.#name === undefined ? undefined : this.#logprobs;
    this.#answer.whole(this.#form.whole({ text: this.#text, logprobs, finish, usage }));
  }
}
