/** Starts a real engine on a Unix socket, and calls it over that socket. */
import { mkdtemp, rm } from "node:fs/promises";
import { type IncomingMessage, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfig } from "@tandem/libs/config";
import type { Replica, Site } from "@tandem/libs/service";
import { createLog, createMetrics } from "@tandem/libs/telemetry";
import { realWorld, type World } from "@tandem/libs/world";
import { configSchema } from "../config.ts";
import { run } from "../run.ts";

export interface TestEngine {
  readonly replica: Replica;
  readonly directory: string;
  /** Log lines so far. */
  readonly lines: readonly string[];
  call(method: string, path: string, options?: CallOptions): Promise<Reply>;
  /** Starts a call and gives its parts as they come. */
  open(method: string, path: string, options?: CallOptions): Promise<IncomingMessage>;
  /** Resolves when this model is ready. Rejects when it failed. */
  ready(model: string): Promise<void>;
  close(): Promise<void>;
}

export interface CallOptions {
  readonly body?: object | string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

export interface Reply {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly text: string;
  /** The parsed body; a test that reads a member says by that that it has to be there. */
  readonly json: ReplyJson;
}

/** Members of all the answers there are. */
export interface ReplyJson {
  readonly object: string;
  readonly state: string;
  readonly message: string;
  readonly progress: number;
  readonly done_bytes: number;
  readonly total_bytes: number;
  readonly choices: readonly [
    {
      readonly text: string;
      readonly message: { readonly content: string };
      readonly finish_reason: string;
      readonly logprobs: { readonly content: readonly Logprob[] };
    },
  ];
  readonly usage: {
    readonly prompt_tokens: number;
    readonly completion_tokens: number;
    readonly total_tokens: number;
    readonly prompt_cache_hit_tokens: number;
    readonly prompt_cache_miss_tokens: number;
    readonly prompt_tokens_details: { readonly cached_tokens: number };
  };
  readonly data: readonly [Datum, ...Datum[]];
  readonly queue: { readonly running: number; readonly waiting: number };
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly model_state: { readonly state: string; readonly total_bytes: number };
  };
}

interface Logprob {
  readonly token: string;
  readonly logprob: number;
  readonly top_logprobs: readonly { readonly token: string; readonly logprob: number }[];
}

interface Datum {
  readonly index: number;
  /** Base64 where that was asked for. */
  readonly embedding: readonly number[] & string;
}

/** An engine with these settings; nothing is fetched unless they say so. */
export async function startTestEngine(
  settings: Readonly<Record<string, unknown>> = {},
  { world = realWorld() }: { readonly world?: World } = {},
): Promise<TestEngine> {
  const directory = await mkdtemp(join(tmpdir(), "tandem-engine-"));
  const lines: string[] = [];
  const address = `unix:${join(directory, "engine.sock")}` as const;
  const source = { deployable: "engine", world: { environment: {} } };
  const config = loadConfig(configSchema, {
    ...source,
    settings: { generate: false, hub_url: "", ...settings },
  });
  const site = {
    world,
    deployable: "engine",
    replica: 1,
    id: "engine-1",
    log: createLog({ level: "info", fields: {}, write: (line) => lines.push(line) }),
    metrics: createMetrics(),
    address,
    dataDirectory: join(directory, "data"),
  } as unknown as Site;
  const replica = await run(config, site);
  const socketPath = join(directory, "engine.sock");
  const open = (method: string, path: string, options: CallOptions = {}) =>
    send(socketPath, { method, path, ...options });
  const call = async (method: string, path: string, options: CallOptions = {}): Promise<Reply> =>
    replyOf(await open(method, path, options));
  return {
    replica,
    directory,
    lines,
    open,
    call,
    ready: (model) => untilReady(call, model),
    close: async () => {
      await replica.close({ deadlineMs: 5000 });
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function send(
  socketPath: string,
  { method, path, body, headers = {}, signal }: CallOptions & { method: string; path: string },
): Promise<IncomingMessage> {
  const text = body === undefined ? "" : typeof body === "string" ? body : JSON.stringify(body);
  const fields = { ...headers, "content-length": `${Buffer.byteLength(text)}` };
  return new Promise((resolve, reject) => {
    const call = request(
      { socketPath, method, path, headers: fields, agent: false, ...(signal && { signal }) },
      resolve,
    );
    call.on("error", reject);
    call.end(text);
  });
}

async function replyOf(response: IncomingMessage): Promise<Reply> {
  const chunks: Buffer[] = [];
  for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString("utf8");
  const isJson = /json/.test(response.headers["content-type"] ?? "");
  const json = (isJson ? JSON.parse(text) : {}) as ReplyJson;
  return { status: response.statusCode ?? 0, headers: response.headers, text, json };
}

async function untilReady(call: TestEngine["call"], model: string): Promise<void> {
  for (;;) {
    const { json } = await call("GET", `/v1/models/${model}`);
    if (json.state === "ready") return;
    if (json.state === "failed") throw new Error(json.message);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** The data of a stream's events, `[DONE]` included as a text. */
export function eventsOf(text: string): readonly unknown[] {
  return text
    .split("\n\n")
    .filter((event) => event.startsWith("data: "))
    .map((event) => event.slice("data: ".length))
    .map((data) => (data === "[DONE]" ? data : (JSON.parse(data) as unknown)));
}
