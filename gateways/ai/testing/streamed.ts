import { type IncomingHttpHeaders, type IncomingMessage, request } from "node:http";
import type { GatewayBench } from "./gateway-bench.ts";

export interface Streamed {
  readonly text: string;
  /** The body ended as HTTP says it should. */
  readonly isComplete: boolean;
  readonly headers: IncomingHttpHeaders;
}

/** A chunk of a stream, as far as tests look at it. */
export interface TestChunk {
  readonly id: string;
  readonly created: number;
  readonly model: string;
  readonly choices: readonly {
    readonly index: number;
    readonly text?: string;
    readonly delta?: {
      readonly role?: string;
      readonly content?: string | null;
      readonly reasoning_content?: string;
      readonly tool_calls?: readonly {
        readonly index: number;
        readonly id?: string;
        readonly function: { readonly name?: string; readonly arguments: string };
      }[];
    };
    readonly finish_reason: string | null;
  }[];
  readonly usage?: {
    readonly prompt_tokens: number;
    readonly completion_tokens: number;
    readonly x_tandem: { readonly attempts: number; readonly resumed?: number };
  };
  readonly error?: { readonly code: string; readonly message: string };
}

/** Opens a streamed chat of the bench's key with the model `paid`. */
export function openStream(
  bench: GatewayBench,
  content: string,
  part: object = {},
): Promise<IncomingMessage> {
  const messages = [{ role: "user", content }];
  const body = JSON.stringify({ model: "paid", messages, stream: true, ...part });
  return new Promise((resolve, reject) => {
    const outgoing = request({
      socketPath: bench.gateway.address.replace("unix:", ""),
      method: "POST",
      path: "prompt" in part ? "/v1/completions" : "/v1/chat/completions",
      agent: false,
      headers: {
        authorization: `Bearer ${bench.key}`,
        "content-length": String(Buffer.byteLength(body)),
      },
    });
    outgoing.on("error", reject);
    outgoing.on("response", resolve);
    outgoing.end(body);
  });
}

/** All of a stream, however it ends. */
export async function streamed(
  bench: GatewayBench,
  content: string,
  part: object = {},
): Promise<Streamed> {
  const incoming = await openStream(bench, content, part);
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
    incoming.on("error", () => undefined);
    incoming.on("close", () => {
      const text = Buffer.concat(chunks).toString();
      resolve({ text, isComplete: incoming.complete, headers: incoming.headers });
    });
  });
}

/** The events that hold JSON, in their order. */
export function chunksOf(text: string): readonly TestChunk[] {
  return text
    .split("\n\n")
    .filter((event) => event.startsWith("data: {"))
    .map((event) => JSON.parse(event.slice("data: ".length)) as TestChunk);
}
