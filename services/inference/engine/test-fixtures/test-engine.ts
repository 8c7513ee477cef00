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
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked into freely by tests only.
  readonly json: any;
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
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    json = undefined;
  }
  return { status: response.statusCode ?? 0, headers: response.headers, text, json };
}

async function untilReady(call: TestEngine["call"], model: string): Promise<void> {
  for (;;) {
    const { json } = await call("GET", `/v1/models/${model}`);
    if (json?.state === "ready") return;
    if (json?.state === "failed") throw new Error(json.message);
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
