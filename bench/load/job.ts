/** What the load generator is told to do, and what it answers: one JSON line each. */

export interface Target {
  /** A port of 127.0.0.1; or the path of a Unix socket, which wins. */
  readonly port: number;
  readonly unixPath?: string;
}

/** A request as it goes out; wherever ten zeros stand is a number that never comes twice. */
export interface RequestTemplate {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** What the characters of `body` are; `utf8` when absent. */
  readonly bodyEncoding?: "utf8" | "latin1";
}

/** How a stream is asked for, and what its events look like. */
export type StreamForm =
  /** Server-sent events, whichever dialect. */
  | "events"
  /** Length-prefixed messages as the body of HTTP/1.1: gRPC-web, Connect. */
  | "messages"
  | "grpc"
  /** Server-sent events over HTTP/2. */
  | "http2"
  | "websocket";

interface JobBase {
  readonly target: Target;
  readonly request: RequestTemplate;
  readonly connections: number;
  readonly warmupMs: number;
  /** Length of the measured window. */
  readonly windowMs: number;
  /** Processes whose CPU time the window is charged to. */
  readonly pids: readonly number[];
}

export type Job =
  /** Whole answers; as fast as `connections` allow, or `ratePerSecond` whatever happens. */
  | (JobBase & { readonly kind: "unary"; readonly ratePerSecond?: number })
  /** Streams of paced events, opened again when they end. */
  | (JobBase & { readonly kind: "stream"; readonly form?: StreamForm })
  /** Streams that keep still; `windowMs` is how long they are held. */
  | (JobBase & { readonly kind: "idle" });

export interface JobResult {
  /** Answers with status 200; events of streams; open streams. */
  readonly units: number;
  /** Other statuses and broken connections, with the first of each kind in `problems`. */
  readonly failed: number;
  readonly problems: readonly string[];
  /** Measured length of the window, in milliseconds. */
  readonly windowMs: number;
  /** CPU time of `pids` in the window, user and system, in microseconds. */
  readonly cpuUs: number;
  /** Memory of `pids`, before and while the streams are open, in KiB; idle jobs only. */
  readonly memoryBeforeKib: number;
  readonly memoryDuringKib: number;
  /** Milliseconds from the moment a request was due; unary jobs only. */
  readonly latencyMsP50: number;
  readonly latencyMsP99: number;
}

/** Where the number goes. */
export const counterPlaceholder = "0000000000";
