import { nodeHttp } from "@tandem/libs/http";

export interface CallAnswer {
  readonly status: number;
  readonly body: unknown;
}

const answerMaxBytes = 1024 * 1024;

/** One small JSON call to a door of our own; rejects when there is no answer in time. */
export function callJson(
  url: string,
  options: {
    readonly method: "GET" | "POST";
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: unknown;
    readonly timeoutMs: number;
    /** Of the Unix socket to call; the URL's host is none then. */
    readonly socketPath?: string;
  },
): Promise<CallAnswer> {
  const { method, headers, timeoutMs, socketPath } = options;
  const body = options.body === undefined ? undefined : JSON.stringify(options.body);
  return new Promise((resolve, reject) => {
    const call = nodeHttp.request(
      url,
      {
        method,
        ...(socketPath !== undefined && { socketPath }),
        headers: {
          ...headers,
          ...(body === undefined
            ? {}
            : { "content-type": "application/json", "content-length": Buffer.byteLength(body) }),
        },
        signal: AbortSignal.timeout(timeoutMs),
      },
      (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => {
          text += chunk;
          if (text.length > answerMaxBytes) call.destroy(new Error("the answer is too large"));
        });
        response.on("error", reject);
        response.on("end", () => resolve({ status: response.statusCode ?? 0, body: parsed(text) }));
      },
    );
    call.on("error", reject);
    call.end(body);
  });
}

/** What is no JSON comes as the text it is: it ends up in a message for people. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
