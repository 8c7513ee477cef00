/** A client library as the suite of all clients asks it; one file each, as its users write it. */

export interface Asked {
  readonly origin: string;
  readonly apiKey: string;
  readonly model: string;
  readonly prompt: string;
  /** Of the client itself; 0 when absent. */
  readonly maxRetries?: number;
  readonly fetch?: typeof fetch;
  /** Of clients that have no `fetch`: each refusal's code. */
  readonly onRefusal?: (code: string) => void;
}

export interface Told {
  readonly text: string;
  /** Cached ones included. */
  readonly inputTokens: number;
  readonly outputTokens: number;
}

export interface Client {
  readonly name: string;
  /** Its streams tell input tokens before they are counted, so they are near, and no more. */
  readonly guessesInput?: boolean;
  /** Its streams tell no usage at all. */
  readonly lacksUsage?: boolean;
  /** It reads a stream to its end, whatever its user does. */
  readonly readsOn?: boolean;
  /** It speaks no HTTP that one could listen to: its refusals are told by `onRefusal`. */
  readonly hidesStatuses?: boolean;
  whole(asked: Asked): Promise<Told>;
  /** Leaves the stream when `onPiece` says so, in the way its users do. */
  stream(asked: Asked, onPiece?: (piece: string) => "go" | "leave"): Promise<Told>;
  /** Has the tool `weather` called, and gives its result; with the last words. */
  toolLoop(asked: Asked): Promise<{ name: string; city: unknown; text: string }>;
  /** An object with a member `answer`. */
  json(asked: Asked): Promise<unknown>;
  /** The status that an error of this client tells; undefined for none. */
  statusOf(error: unknown): number | undefined;
  close?(): void | Promise<void>;
}

export const answerSchema = {
  title: "answer",
  type: "object",
  properties: { answer: { type: "string" } },
  required: ["answer"],
  additionalProperties: false,
} as const;

/** Most clients have it there. */
export function statusIn(error: unknown): number | undefined {
  const { status } = error as { readonly status?: unknown };
  return typeof status === "number" ? status : undefined;
}
