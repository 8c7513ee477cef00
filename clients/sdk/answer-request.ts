import { type Answered, Attempts, isEventStream, isJson, mayRetry } from "./attempts.ts";
import type { SharedState } from "./fetch-options.ts";
import type { ReplayableRequest } from "./replayable-request.ts";
import { ToldStream } from "./told-stream.ts";

/** The answer to one request: whole, refused for good, or a stream that survives its connections. */
export async function answerRequest(
  shared: SharedState,
  request: ReplayableRequest,
): Promise<Response> {
  const attempts = new Attempts(shared, request);
  for (;;) {
    const asked = await attempts.ask(0);
    if ("error" in asked) {
      await pauseAfter(attempts, asked.error);
      continue;
    }
    const { response, connection } = asked;
    if (isEventStream(response)) {
      return rewritten(response, new ToldStream(attempts, asked).body());
    }
    const isRetryable = mayRetry(response);
    const delayMs = isRetryable ? attempts.delayAfter(response) : undefined;
    if (delayMs !== undefined) {
      await connection.drain(response);
      await attempts.pause({ kind: "request", delayMs, status: response.status });
      continue;
    }
    const whole = await wholeOf(attempts, asked, isRetryable);
    if (whole !== undefined) return whole;
  }
}

async function pauseAfter(attempts: Attempts, cause: unknown): Promise<void> {
  const delayMs = attempts.delayAfter(undefined);
  if (delayMs === undefined) throw attempts.fault({ code: "unreachable", cause });
  await attempts.pause({ kind: "request", delayMs, cause });
}

/** A whole answer is read to its end, so that one that breaks can be asked for again. */
async function wholeOf(
  attempts: Attempts,
  { response, connection }: Answered,
  isGivenUp: boolean,
): Promise<Response | undefined> {
  const isRead = isJson(response) && response.body !== null;
  if (!isRead) connection.release();
  if (!isRead) return isGivenUp ? rewritten(response, response.body, true) : response;
  try {
    return rewritten(response, await connection.readAll(response), isGivenUp);
  } catch (error) {
    attempts.lost(connection);
    await pauseAfter(attempts, error);
    return undefined;
  }
}

/** The same answer with another body. What was tried often enough is not to be tried again. */
function rewritten(
  response: Response,
  body: ReadableStream<Uint8Array> | Uint8Array<ArrayBuffer> | null,
  isGivenUp = false,
): Response {
  const headers = new Headers(response.headers);
  // The body is decoded, and may have another length.
  headers.delete("content-encoding");
  headers.delete("content-length");
  if (isGivenUp) headers.set("x-should-retry", "false");
  const { status, statusText, url } = response;
  const copy = new Response(body, { status, statusText, headers });
  Object.defineProperty(copy, "url", { value: url });
  return copy;
}
