import { createClientPool } from "@tandem/libs/http";
import type { World } from "@tandem/libs/world";

export interface Page {
  readonly status: number;
  readonly body: string;
}

const bodyBytesMax = 4 * 1024 * 1024;

/** Where a base URL's server listens, and the path its API starts with. */
export function splitBaseUrl(baseUrl: string): {
  readonly address: `unix:${string}` | `tcp:${string}` | `tls:${string}`;
  readonly path: string;
} {
  if (baseUrl.startsWith("unix:")) {
    // unix:/run/engine-1.sock:/v1, the second colon parting socket and path.
    const colon = baseUrl.indexOf(":", 5);
    const end = colon === -1 ? baseUrl.length : colon;
    return {
      address: `unix:${baseUrl.slice(5, end)}`,
      path: baseUrl.slice(end + 1),
    };
  }
  const url = new URL(baseUrl);
  const isTls = url.protocol === "https:";
  const port = url.port === "" ? (isTls ? "443" : "80") : url.port;
  return {
    address: `${isTls ? "tls" : "tcp"}:${url.hostname}:${port}`,
    path: url.pathname.replace(/\/+$/, ""),
  };
}

/** One GET on a fresh connection. Rejects when it takes longer than `timeoutMs` or breaks. */
export function httpGet(
  world: World,
  request: {
    readonly baseUrl: string;
    /** Appended to the base URL, or to its origin when it starts with "origin:". */
    readonly path: string;
    readonly apiKey: string;
    /** How the key is shown; as a bearer's when absent. */
    readonly profile?: string;
    readonly timeoutMs: number;
  },
): Promise<Page> {
  const { address, path: basePath } = splitBaseUrl(request.baseUrl);
  const target = request.path.startsWith("origin:")
    ? request.path.slice("origin:".length)
    : `${basePath}${request.path}`;
  const pool = createClientPool({ address, world });
  return new Promise<Page>((resolve, reject) => {
    let status = 0;
    let size = 0;
    const chunks: Buffer[] = [];
    const fail = (message: string): void => {
      timer.cancel();
      call.cancel();
      reject(new Error(message));
    };
    const timer = world.timers.after(request.timeoutMs, () =>
      fail(`no answer within ${request.timeoutMs} ms`),
    );
    const call = pool.send(
      {
        method: "GET",
        target,
        headers: [["accept", "application/json"], ...credentialFields(request)],
      },
      {
        onHead: (head) => {
          status = head.status;
        },
        onChunk: (chunk) => {
          size += chunk.length;
          if (size > bodyBytesMax) fail("the answer is larger than 4 MiB");
          else chunks.push(chunk);
        },
        onEnd: () => {
          timer.cancel();
          resolve({ status, body: Buffer.concat(chunks).toString("utf8") });
        },
        onFailure: ({ error }) => {
          timer.cancel();
          reject(error);
        },
      },
    );
  }).finally(() => pool.close());
}

function credentialFields({
  apiKey,
  profile,
}: {
  readonly apiKey: string;
  readonly profile?: string;
}): readonly (readonly [name: string, value: string])[] {
  if (apiKey === "") return [];
  if (profile !== "anthropic") return [["authorization", `Bearer ${apiKey}`]];
  return [
    ["x-api-key", apiKey],
    ["anthropic-version", "2023-06-01"],
  ];
}
