import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { answerTo } from "./answer.ts";
import { chatOfMessages, messageBody, messageEvents } from "./anthropic-wire.ts";
import { type CallRecord, createCallLog, type EngineCall } from "./call-log.ts";
import { embeddingsBody } from "./embedding.ts";
import {
  type EngineFault,
  errorBody,
  jsonScript,
  type ResponseScript,
  scriptWithFault,
} from "./engine-fault.ts";
import { playScript } from "./player.ts";
import { type EngineModel, type EngineProfile, sideAnswer } from "./profile.ts";
import { type Question, questionOf } from "./question.ts";
import { streamEvents, type UsageStyle, wholeBody } from "./wire-form.ts";

export interface MockEngineOptions {
  /** Which server to imitate; `openai` when absent. */
  readonly profile?: EngineProfile;
  /** `mock-1` with a context of 32,768 tokens when absent. */
  readonly models?: readonly EngineModel[];
  /** Requests without this key get 401. No key is asked for when absent. */
  readonly apiKey?: string;
  /** Listens on this Unix socket instead of a free port of 127.0.0.1. */
  readonly unixPath?: string;
  /** Placement and names of the usage; DeepSeek's with that profile, else OpenAI's. */
  readonly usageStyle?: UsageStyle;
  /** Tokens of an answer whose request says nothing (`tokens=40` in the last turn); 16. */
  readonly answerTokens?: number;
  /** Tokens of reasoning before each answer; 0. */
  readonly reasoningTokens?: number;
  /** Prompt tokens reported as found in the prefix cache; 0. */
  readonly cachedTokens?: number;
  /** Speed of generation; as fast as the socket takes it when absent. */
  readonly tokensPerSecond?: number;
  /** Time before the first token; 0. */
  readonly firstTokenDelayMs?: number;
  /** A keep-alive this often while the first token is awaited, as DeepSeek does; none. */
  readonly keepAliveMs?: number;
  /** Answers 400 to a request that continues a prefix, as some models do. */
  readonly refusesPrefix?: boolean;
  /** Chooses the fault of a request for words, where nothing is scripted. */
  readonly faultOf?: (question: Question) => EngineFault | undefined;
  /** Several engines take their next fault from one list: whichever is asked first fails. */
  readonly sharedFaults?: EngineFault[];
}

export interface MockEngine {
  /** With `/v1`, as an SDK wants it; of a Unix socket, the path in `unix:` form. */
  readonly baseUrl: string;
  /** Requests for generation, in the order they came. */
  readonly calls: readonly EngineCall[];
  /** `GET /v1/models` and the like, as `METHOD path`. */
  readonly sideCalls: readonly string[];
  /** The next generation requests fail like this, in order; `undefined` lets one pass. */
  script(...faults: readonly (EngineFault | undefined)[]): void;
  /** Every generation request fails like this, until told otherwise. */
  always(fault: EngineFault | undefined): void;
  /** Speed and waiting time from now on. */
  pace(pace: { readonly tokensPerSecond?: number; readonly firstTokenDelayMs?: number }): void;
  /** Resolves once `what` is true of the calls; rejects after `timeoutMs` (5,000 when absent). */
  until(what: (calls: readonly EngineCall[]) => boolean, timeoutMs?: number): Promise<void>;
  /** Breaks every connection off and refuses new ones, until `accept`. */
  refuse(): Promise<void>;
  accept(): Promise<void>;
  close(): Promise<void>;
}

/** What one engine is made of; passed between the functions of this file. */
interface Engine {
  readonly options: MockEngineOptions;
  readonly profile: EngineProfile;
  readonly models: readonly EngineModel[];
  readonly log: ReturnType<typeof createCallLog>;
  readonly scripted: (EngineFault | undefined)[];
  standingFault: EngineFault | undefined;
  tokensPerSecond: number | undefined;
  firstTokenDelayMs: number;
}

/**
 * Starts a model server that is deterministic (engine/reference-text.ts), speaks the OpenAI and
 * DeepSeek wire formats, fails on demand and remembers what it was asked.
 */
export async function mockEngine(options: MockEngineOptions = {}): Promise<MockEngine> {
  const engine: Engine = {
    options,
    profile: options.profile ?? "openai",
    models: options.models ?? [{ id: "mock-1", contextTokens: 32_768 }],
    log: createCallLog(),
    scripted: [],
    standingFault: undefined,
    tokensPerSecond: options.tokensPerSecond,
    firstTokenDelayMs: options.firstTokenDelayMs ?? 0,
  };
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    void serve(engine, request, response);
  });
  await listen(server, options.unixPath ?? 0);
  const address = server.address();
  const port = typeof address === "object" && address !== null ? (address as AddressInfo).port : 0;
  const door = options.unixPath ?? port;
  return {
    baseUrl: options.unixPath ? `unix:${options.unixPath}` : `http://127.0.0.1:${port}/v1`,
    calls: engine.log.calls,
    sideCalls: engine.log.sideCalls,
    script: (...faults) => void engine.scripted.push(...faults),
    always: (fault) => {
      engine.standingFault = fault;
    },
    pace: ({ tokensPerSecond, firstTokenDelayMs }) => {
      engine.tokensPerSecond = tokensPerSecond;
      engine.firstTokenDelayMs = firstTokenDelayMs ?? 0;
    },
    until: engine.log.until,
    refuse: () => stop(server),
    accept: () => listen(server, door),
    close: () => stop(server),
  };
}

function listen(server: Server, door: string | number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    const listening = (): void => {
      server.off("error", reject);
      resolve();
    };
    if (typeof door === "string") server.listen(door, listening);
    else server.listen(door, "127.0.0.1", listening);
  });
}

function stop(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

async function serve(
  engine: Engine,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const arrivedMs = performance.now();
  const body = await readBody(request).catch(() => undefined);
  if (body === undefined) return;
  const path = (request.url ?? "/").replace(/\?.*$/, "");
  const kind = generationKind(request.method, path);
  if (!isAuthorised(engine, request)) {
    playScript(response, jsonScript(401, errorBody("Authentication Fails")));
  } else if (kind === undefined) {
    engine.log.side(`${request.method} ${path}`);
    playScript(response, sideScript(engine, request.method ?? "", path, body));
  } else {
    const call = engine.log.begin({ request, path, bodyText: body, arrivedMs });
    generate(engine, { kind, call, response });
  }
}

type GenerationKind = Question["kind"] | "messages" | "embeddings";

function generationKind(method: string | undefined, path: string): GenerationKind | undefined {
  if (method !== "POST") return undefined;
  if (path.endsWith("/messages")) return "messages";
  if (path.endsWith("/embeddings")) return "embeddings";
  if (path.endsWith("/chat/completions")) return "chat";
  return path.endsWith("/completions") ? "completion" : undefined;
}

function isAuthorised(engine: Engine, request: IncomingMessage): boolean {
  const { options } = engine;
  if (options.apiKey === undefined) return true;
  const { authorization } = request.headers;
  const isAnthropic = engine.profile === "anthropic";
  return isAnthropic
    ? request.headers["x-api-key"] === options.apiKey && "anthropic-version" in request.headers
    : authorization === `Bearer ${options.apiKey}`;
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

function sideScript(
  engine: Engine,
  method: string,
  path: string,
  bodyText: string,
): ResponseScript {
  const body = parseJson(bodyText);
  const answer = sideAnswer(engine.profile, engine.models, { method, path, body });
  if (answer === undefined) return jsonScript(404, errorBody(`no such endpoint: ${path}`));
  if (typeof answer === "object") return jsonScript(200, answer);
  return {
    ...jsonScript(200, {}, { "content-type": "text/plain" }),
    pieces: [{ bytes: Buffer.from(answer), afterMs: 0 }],
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

interface Generation {
  readonly kind: GenerationKind;
  readonly call: CallRecord;
  readonly response: ServerResponse;
}

function generate(engine: Engine, given: Generation): void {
  const { kind, call, response } = given;
  if (kind === "embeddings") {
    embed(engine, given);
    return;
  }
  const isMessages = kind === "messages";
  const body = isMessages ? chatOfMessages(call.view.body) : call.view.body;
  const continuesLast = engine.profile === "llamacpp";
  const result =
    isMessages && "problem" in (body as object)
      ? (body as { readonly problem: string })
      : questionOf(isMessages ? "chat" : kind, body, { continuesLast });
  if ("problem" in result) {
    playScript(response, jsonScript(400, errorBody(result.problem)), { call });
    return;
  }
  const { question } = result;
  call.asked(question, nextFault(engine, question));
  const refusal = refusalOf(engine, question);
  const script =
    refusal ?? generationScript(engine, question, { index: call.view.index, isMessages });
  const { keepAliveMs } = engine.options;
  playScript(response, call.view.fault ? scriptWithFault(script, call.view.fault) : script, {
    call,
    ...(keepAliveMs !== undefined && { keepAliveMs, isStream: question.stream }),
  });
}

function embed(engine: Engine, { call, response }: Generation): void {
  call.asked(undefined, nextFault(engine, undefined));
  const { body, fault } = call.view;
  const embeddings = embeddingsBody(body);
  const script = embeddings
    ? jsonScript(200, embeddings)
    : jsonScript(400, errorBody("input and model are required"));
  playScript(response, fault ? scriptWithFault(script, fault) : script, { call });
}

function nextFault(engine: Engine, question: Question | undefined): EngineFault | undefined {
  const { scripted, options, standingFault } = engine;
  if (scripted.length > 0) return scripted.shift();
  const own = question === undefined ? undefined : options.faultOf?.(question);
  return own ?? options.sharedFaults?.shift() ?? standingFault;
}

function refusalOf(engine: Engine, question: Question): ResponseScript | undefined {
  const model = engine.models.find(({ id }) => id === question.model);
  if (!model) {
    const status = engine.profile === "deepseek" ? 400 : 404;
    return jsonScript(status, errorBody(`no such model: ${question.model}`, "model_not_found"));
  }
  if (question.promptTokens > model.contextTokens) {
    const message = `maximum context length is ${model.contextTokens} tokens`;
    return jsonScript(400, errorBody(message, "context_length_exceeded"));
  }
  if (question.prefix && engine.options.refusesPrefix) {
    return jsonScript(400, errorBody("This model does not support assistant message prefill."));
  }
  return undefined;
}

function generationScript(
  engine: Engine,
  question: Question,
  { index, isMessages }: { readonly index: number; readonly isMessages: boolean },
): ResponseScript {
  const { options } = engine;
  const model = engine.models.find(({ id }) => id === question.model);
  const answer = answerTo(question, {
    answerTokens: options.answerTokens ?? 16,
    reasoningTokens: model?.reasoningTokens ?? options.reasoningTokens ?? 0,
    cachedTokens: options.cachedTokens ?? 0,
  });
  const envelope = {
    id: `mock-${index}`,
    created: 1_790_000_000 + index,
    usageStyle: options.usageStyle ?? (engine.profile === "deepseek" ? "deepseek" : "openai"),
  };
  const tokenMs = engine.tokensPerSecond ? 1_000 / engine.tokensPerSecond : 0;
  if (!question.stream) {
    const body = isMessages
      ? messageBody(answer, { id: envelope.id, model: question.model })
      : wholeBody(question, answer, envelope);
    const afterMs = engine.firstTokenDelayMs + tokenMs * answer.usage.completionTokens;
    const script = jsonScript(200, body);
    return { ...script, pieces: script.pieces.map((piece) => ({ ...piece, afterMs })) };
  }
  const events = isMessages
    ? messageEvents(answer, { id: envelope.id, model: question.model })
    : [...streamEvents(question, answer, envelope), { data: "[DONE]", paced: false }];
  return {
    status: 200,
    headers: { "content-type": "text/event-stream", "cache-control": "no-cache" },
    pieces: events.map(({ data, paced, ...event }, position) => ({
      bytes: Buffer.from(`${"name" in event ? `event: ${event.name}\n` : ""}data: ${data}\n\n`),
      afterMs: (position === 0 ? engine.firstTokenDelayMs : 0) + (paced ? tokenMs : 0),
    })),
    framing: "chunked",
    ending: "proper",
  };
}
