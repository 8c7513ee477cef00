import { httpStatusToFaultCode } from "@tandem/libs/kernel";
import type { Place } from "../target.ts";
import {
  type Answer,
  type Ask,
  Joiner,
  type Options,
  Refusal,
  type Transport,
} from "./transport.ts";

/** A dialect of JSON over HTTP, as one who writes to the wire by hand knows it. */
export interface HttpDialect {
  readonly name: string;
  readonly path: string;
  readonly expected?: (content: string, tokens: number) => string;
  readonly streams: boolean;
  body(ask: Ask, model: string, isStream: boolean): object;
  /** Throws the error that an event of a stream tells. True once the answer is complete. */
  join(joiner: Joiner, event: HttpEvent): boolean;
  joinWhole(joiner: Joiner, body: unknown): void;
  errorOf(body: unknown): HttpError;
}

export interface HttpEvent {
  /** Empty for one without. */
  readonly name: string;
  readonly data: string;
}

export interface HttpError {
  readonly message: string;
  /** What programs branch on. */
  readonly code: string;
}

/** The platform's errors in the middle of a stream have no status of their own. */
export function streamRefusal({ message, code }: HttpError, partial: string): Refusal {
  const told = `event \`${code}\``;
  return new Refusal({ message, code: "unavailable", reason: code, told, partial });
}

export function httpTransport(target: Place, dialect: HttpDialect): Transport {
  const post = async (ask: Ask, isStream: boolean, signal?: AbortSignal): Promise<Response> => {
    const response = await fetch(target.origin + dialect.path, {
      method: "POST",
      headers: {
        authorization: `Bearer ${ask.key ?? target.apiKey}`,
        "content-type": "application/json",
      },
      body: JSON.stringify(dialect.body(ask, ask.model ?? target.model, isStream)),
      signal: signal ?? null,
    });
    if (!response.ok) throw await refusalOf(response, dialect);
    return response;
  };
  const whole = async (ask: Ask, { signal }: Options = {}): Promise<Answer> => {
    const response = await post(ask, false, signal);
    const joiner = new Joiner();
    dialect.joinWhole(joiner, await response.json());
    return joiner.finish(response.headers.get("x-request-id") ?? "");
  };
  const { expected } = dialect;
  return {
    name: dialect.name,
    ...(expected === undefined ? {} : { expected }),
    whole,
    ...(dialect.streams
      ? {
          stream: async (ask, options = {}) =>
            read(await post(ask, true, options.signal), dialect, options),
        }
      : {}),
  };
}

async function read(response: Response, dialect: HttpDialect, options: Options): Promise<Answer> {
  const joiner = new Joiner();
  let isWhole = false;
  try {
    for await (const event of eventsOf(response)) {
      const before = joiner.text.length;
      isWhole = dialect.join(joiner, event) || isWhole;
      if (joiner.text.length > before) options.onText?.(joiner.text.slice(before));
    }
  } catch (error) {
    if (isWhole || error instanceof Refusal || options.signal?.aborted) throw error;
    throw streamRefusal({ message: String(error), code: "cut" }, joiner.text);
  }
  if (!isWhole) throw streamRefusal({ message: "it just ended", code: "cut" }, joiner.text);
  return joiner.finish(response.headers.get("x-request-id") ?? "");
}

/** Anthropic's own, of which nobody else knows. */
const overloaded = 529;

export async function refusalOf(response: Response, dialect: HttpDialect): Promise<Refusal> {
  const { message, code } = dialect.errorOf(await response.json());
  const waitMs = response.headers.get("retry-after-ms");
  const { status } = response;
  return new Refusal({
    message,
    code: status === overloaded ? "unavailable" : httpStatusToFaultCode(status),
    reason: code,
    told: `${status} \`${code}\``,
    retryAfterMs: waitMs === null ? undefined : Number(waitMs),
    requestId: response.headers.get("x-request-id") ?? "",
  });
}

export async function* eventsOf(response: Response): AsyncGenerator<HttpEvent> {
  let rest = "";
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    rest += decoder.decode(chunk as Uint8Array, { stream: true });
    const events = rest.split("\n\n");
    rest = events.pop() ?? "";
    for (const event of events) {
      const lines = event.split("\n");
      const of = (field: string): string | undefined =>
        lines.find((line) => line.startsWith(`${field}: `))?.slice(field.length + 2);
      const data = of("data");
      if (data !== undefined) yield { name: of("event") ?? "", data };
    }
  }
}
