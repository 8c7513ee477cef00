import { Agent, type IncomingHttpHeaders, request } from "node:http";
import { seededRandom } from "./seeded-random.ts";

export interface PlainClientOptions {
  /** With `/v1` or the like; paths are appended to it. */
  readonly baseUrl: string;
  readonly apiKey?: string;
  /** Tries a call, the first included; 3, as the OpenAI clients make. */
  readonly attempts?: number;
  /** Of silence, after which an attempt is given up; 30,000 ms. */
  readonly timeoutMs?: number;
  /** Connections kept open at most; 256. */
  readonly connections?: number;
}

export interface PlainAnswer {
  /** 0 when no attempt brought a status. */
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The body ended as HTTP says it should. */
  readonly isComplete: boolean;
  readonly attempts: number;
  /** From the first attempt's start to the last byte. */
  readonly tookMs: number;
  /** What broke the last attempt. */
  readonly error: string | undefined;
  /** What broke each attempt that broke, the last one's included. */
  readonly errors: readonly string[];
  /** The longest silence between two pieces of the body. */
  readonly gapMsMax: number;
}

export interface PlainClient {
  /** Never rejects: what went wrong stands in the answer. */
  call(method: string, path: string, body?: object): Promise<PlainAnswer>;
  close(): void;
}

type Attempt = Omit<PlainAnswer, "attempts" | "tookMs" | "errors">;

/**
 * The client that availability is measured with: keep-alive, and the retry rules of the OpenAI
 * clients (wire-level facts of version 7): 408, 409, 429, 5xx and broken connections are tried
 * again, `x-should-retry` decides first, `retry-after-ms` and `retry-after` up to a minute are
 * obeyed, otherwise half a second, doubled each time. A body that has begun is never tried again.
 */
export function plainClient(options: PlainClientOptions): PlainClient {
  const { attempts: attemptsMax = 3, connections = 256 } = options;
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const random = seededRandom(options.baseUrl);
  return {
    async call(method, path, body) {
      const startMs = performance.now();
      const errors: string[] = [];
      for (let attempts = 1; ; attempts += 1) {
        const outcome = await attempt(options, agent, { method, path, body });
        if (outcome.error !== undefined) errors.push(outcome.error);
        if (attempts >= attemptsMax || !isWorthRetrying(outcome)) {
          return { ...outcome, attempts, tookMs: performance.now() - startMs, errors };
        }
        const delayMs = retryDelayMs(outcome.headers, attempts - 1, random.fraction());
        await new Promise((resolve) => {
          setTimeout(resolve, delayMs);
        });
      }
    },
    close: () => agent.destroy(),
  };
}

function isWorthRetrying({ status, headers, isComplete }: Attempt): boolean {
  if (status === 200) return false;
  if (headers["x-should-retry"] === "true") return true;
  if (headers["x-should-retry"] === "false") return false;
  return status === 0 || !isComplete || [408, 409, 429].includes(status) || status >= 500;
}

/** How long to wait before retry number `retry` (0, 1 …); `chance` in [0, 1) takes up to a quarter off. */
export function retryDelayMs(headers: IncomingHttpHeaders, retry: number, chance: number): number {
  const exactMs = Number(headers["retry-after-ms"]);
  if (exactMs > 0) return exactMs;
  const seconds = Number(headers["retry-after"]);
  if (seconds >= 0 && seconds <= 60) return seconds * 1_000;
  return Math.min(8_000, 500 * 2 ** retry) * (1 - chance / 4);
}

interface Call {
  readonly method: string;
  readonly path: string;
  readonly body: object | undefined;
}

function attempt(options: PlainClientOptions, agent: Agent, call: Call): Promise<Attempt> {
  const bytes = call.body === undefined ? undefined : Buffer.from(JSON.stringify(call.body));
  return new Promise((resolve) => {
    let status = 0;
    let headers: IncomingHttpHeaders = {};
    const chunks: Buffer[] = [];
    let lastMs = 0;
    let gapMsMax = 0;
    const finish = (isComplete: boolean, error?: string): void => {
      const text = Buffer.concat(chunks).toString();
      resolve({ status, headers, text, isComplete, error, gapMsMax });
    };
    const outgoing = request(`${options.baseUrl}${call.path}`, {
      agent,
      method: call.method,
      timeout: options.timeoutMs ?? 30_000,
      headers: {
        ...(options.apiKey !== undefined && { authorization: `Bearer ${options.apiKey}` }),
        ...(bytes && { "content-type": "application/json", "content-length": bytes.length }),
      },
    });
    outgoing.on("timeout", () => outgoing.destroy(new Error("timed out")));
    outgoing.on("error", (error) => finish(false, error.message));
    outgoing.on("response", (response) => {
      status = response.statusCode ?? 0;
      headers = response.headers;
      response.on("data", (chunk: Buffer) => {
        const nowMs = performance.now();
        if (chunks.length > 0) gapMsMax = Math.max(gapMsMax, nowMs - lastMs);
        lastMs = nowMs;
        chunks.push(chunk);
      });
      response.on("error", (error) => finish(false, error.message));
      response.on("end", () => finish(response.complete));
    });
    outgoing.end(bytes);
  });
}
