/** Responses in the background: created, polled, streamed on from where one was, and canceled. */
import type { Place } from "../target.ts";
import { eventsOf, type HttpEvent, refusalOf } from "./http.ts";
import { responses } from "./responses.ts";
import {
  type Answer,
  type Ask,
  Joiner,
  type Options,
  Refusal,
  type Transport,
} from "./transport.ts";

interface Polled {
  readonly id: string;
  readonly status: string;
  readonly error: { readonly code: string; readonly message: string } | null;
}

const pollEveryMs = 20;
/** A stream is left after so many events, and resumed; so often. */
const eventsAtOnce = 5;
const leavesMax = 6;

/** What a response failed of, in gRPC's words. */
const codeOf: Readonly<Record<string, string>> = {
  time_limit_exceeded: "deadline_exceeded",
  invalid_request_error: "invalid_argument",
};

export function backgroundTransport(target: Place): Transport {
  const call = async (key: string | undefined, given: Given): Promise<Response> => {
    const { method = "GET", path = "", body, signal = null } = given;
    const response = await fetch(`${target.origin}${responses.path}${path}`, {
      ...{ method, signal, ...(body === undefined ? {} : { body: JSON.stringify(body) }) },
      headers: {
        authorization: `Bearer ${key ?? target.apiKey}`,
        "content-type": "application/json",
      },
    });
    if (!response.ok) throw await refusalOf(response, responses);
    return response;
  };
  return {
    name: "Responses, background",
    tellsLater: true,
    whole: (ask, options = {}) => poll(ask, { options, call, model: target.model }),
    stream: (ask, options = {}) => readOn(ask, { options, call, model: target.model }),
  };
}

interface Given {
  readonly method?: string;
  readonly path?: string;
  readonly body?: object;
  readonly signal?: AbortSignal;
}

interface Line {
  readonly model: string;
  readonly options: Options;
  call(key: string | undefined, given: Given): Promise<Response>;
}

function wanted(ask: Ask, model: string, isStream: boolean): Given {
  const body = { ...responses.body(ask, ask.model ?? model, isStream), background: true };
  return { method: "POST", body };
}

function requestIdIn({ headers }: Response): string {
  return headers.get("x-request-id") ?? "";
}

async function poll(ask: Ask, { model, options, call }: Line): Promise<Answer> {
  const created = await call(ask.key, wanted(ask, model, false));
  let polled = (await created.json()) as Polled;
  const path = `/${polled.id}`;
  const cancel = (): unknown => call(ask.key, { method: "POST", path: `${path}/cancel` });
  onceLeft(options.signal, () => void cancel());
  while (polled.status === "queued" || polled.status === "in_progress") {
    await new Promise((resolve) => {
      setTimeout(resolve, pollEveryMs);
    });
    polled = (await (await call(ask.key, { path })).json()) as Polled;
  }
  const { status, error } = polled;
  if (status === "cancelled") throw new Error(status);
  if (error !== null) {
    const code = codeOf[error.code] ?? "unavailable";
    const told = `${status}: \`${error.code}\``;
    throw new Refusal({ message: error.message, code, reason: error.code, told });
  }
  const joiner = new Joiner();
  responses.joinWhole(joiner, polled);
  return joiner.finish(requestIdIn(created));
}

async function readOn(ask: Ask, { model, options, call }: Line): Promise<Answer> {
  const joiner = new Joiner();
  let connection = new AbortController();
  const created = await call(ask.key, { ...wanted(ask, model, true), signal: connection.signal });
  const path = `/${requestIdIn(created).replace("req_", "resp_")}`;
  const cancel = (): unknown => call(ask.key, { method: "POST", path: `${path}/cancel` });
  onceLeft(options.signal, () => void cancel());
  let response = created;
  for (let leaves = 0; ; leaves += 1) {
    const eventsMax = leaves < leavesMax ? eventsAtOnce : Number.POSITIVE_INFINITY;
    const read = await readSome(response, joiner, { eventsMax, onText: options.onText });
    if (read.isWhole) return joiner.finish(requestIdIn(created));
    connection.abort();
    connection = new AbortController();
    const rest = `${path}?stream=true&starting_after=${read.last}`;
    response = await call(ask.key, { path: rest, signal: connection.signal });
  }
}

function joined(joiner: Joiner, event: HttpEvent): boolean {
  try {
    return responses.join(joiner, event);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const { message, reason, told, partial } = error;
    const code = codeOf[reason] ?? error.code;
    throw new Refusal({ message, code, reason, told, partial });
  }
}

/** The client may have left before it heard that it was accepted. */
function onceLeft(signal: AbortSignal | undefined, run: () => void): void {
  if (signal?.aborted) run();
  else signal?.addEventListener("abort", run);
}

async function readSome(
  response: Response,
  joiner: Joiner,
  given: { readonly eventsMax: number; readonly onText: Options["onText"] },
): Promise<{ readonly isWhole: boolean; readonly last: number }> {
  let last = -1;
  let count = 0;
  for await (const event of eventsOf(response)) {
    const before = joiner.text.length;
    const isWhole = joined(joiner, event);
    if (joiner.text.length > before) given.onText?.(joiner.text.slice(before));
    if (event.name === "response.cancelled") throw new Error("canceled");
    if (isWhole) return { isWhole, last };
    last = (JSON.parse(event.data) as { readonly sequence_number: number }).sequence_number;
    count += 1;
    if (count === given.eventsMax) return { isWhole: false, last };
  }
  const told = "event `cut`";
  throw new Refusal({ message: "it just ended", code: "unavailable", reason: "cut", told });
}
