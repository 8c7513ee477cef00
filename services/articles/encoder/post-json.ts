import type { ClientPool } from "@tandem/libs/http";
import type { World } from "@tandem/libs/world";

/** Where a server of embeddings is. */
export interface ServerPlace {
  readonly address: string;
  /** Of its embeddings: `/v1/embeddings`. */
  readonly path: string;
  readonly apiKey: string;
}

const answerBytesMax = 16 * 1024 * 1024;

/** `http://127.0.0.1:8080/v1` → its address, and the path of its embeddings. */
export function placeOfUrl(baseUrl: string, apiKey: string): ServerPlace {
  const url = new URL(baseUrl);
  const isTls = url.protocol === "https:";
  const port = url.port === "" ? (isTls ? "443" : "80") : url.port;
  return {
    address: `${isTls ? "tls" : "tcp"}:${url.hostname}:${port}`,
    path: `${url.pathname.replace(/\/+$/, "")}/embeddings`,
    apiKey,
  };
}

/** One POST; rejects when it breaks, is too large, takes longer than `timeoutMs`, or is stopped. */
export function postJson(
  world: World,
  request: {
    readonly pool: ClientPool;
    readonly place: ServerPlace;
    readonly body: string;
    readonly timeoutMs: number;
    readonly signal: AbortSignal | undefined;
  },
): Promise<{ readonly status: number; readonly text: string }> {
  const { pool, place, body, timeoutMs, signal } = request;
  return new Promise((resolve, reject) => {
    let status = 0;
    let size = 0;
    const chunks: Buffer[] = [];
    const stop = (): void => {
      timer.cancel();
      signal?.removeEventListener("abort", onAbort);
    };
    const fail = (message: string): void => {
      stop();
      call.cancel();
      reject(new Error(message));
    };
    const onAbort = (): void => fail("not wanted any more");
    const timer = world.timers.after(timeoutMs, () => fail(`no answer within ${timeoutMs} ms`));
    signal?.addEventListener("abort", onAbort);
    const send = (freshConnection: boolean) =>
      pool.send(
        {
          method: "POST",
          target: place.path,
          headers: [
            ["content-type", "application/json"],
            ["accept", "application/json"],
            // An engine that has no model yet says so at once.
            ["x-tandem-no-wait", "1"],
            ...(place.apiKey === "" ? [] : [["authorization", `Bearer ${place.apiKey}`] as const]),
          ],
          body: Buffer.from(body),
          freshConnection,
        },
        {
          onHead: (head) => {
            status = head.status;
          },
          onChunk: (chunk) => {
            size += chunk.length;
            if (size > answerBytesMax) fail("the answer is larger than 16 MiB");
            else chunks.push(chunk);
          },
          onEnd: () => {
            stop();
            resolve({ status, text: Buffer.concat(chunks).toString("utf8") });
          },
          onFailure: ({ error, reusedConnection, headReceived }) => {
            if (reusedConnection && !freshConnection && !headReceived) {
              // A kept-alive connection may have died unnoticed; asking twice costs nothing.
              call = send(true);
              return;
            }
            stop();
            reject(error);
          },
        },
      );
    let call = send(false);
  });
}
