import { type IncomingHttpHeaders, request } from "node:http";

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Buffer;
  readonly text: string;
  /** The body read as JSON; undefined when it is none. */
  readonly json: unknown;
  /** It broke off before its end, which only `mayBeCut` takes for an answer. */
  readonly wasCut: boolean;
}

/**
 * One request on a connection of its own, headers exactly as given, to `unix:/path` or
 * `tcp:host:port`. An object as body is sent as JSON; text and bytes as they are.
 */
export function httpRequest(
  address: string,
  options: {
    readonly method?: string;
    readonly path: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: object | string | Buffer;
    /** What came of an answer that broke off is given, instead of the error. */
    readonly mayBeCut?: boolean;
  },
): Promise<HttpAnswer> {
  const { method = "GET", path, headers = {}, body } = options;
  const isDocument = typeof body === "object" && !Buffer.isBuffer(body);
  const bytes = isDocument ? Buffer.from(JSON.stringify(body)) : Buffer.from(body ?? "");
  const [, host = "", port = ""] = /^tcp:(.*):(\d+)$/.exec(address) ?? [];
  const place = host === "" ? { socketPath: address.replace(/^unix:/, "") } : { host, port };
  return new Promise((resolve, reject) => {
    const outgoing = request({
      ...place,
      method,
      path,
      agent: false,
      headers: {
        ...(isDocument ? { "content-type": "application/json" } : {}),
        ...(body === undefined ? {} : { "content-length": String(bytes.length) }),
        ...headers,
      },
    });
    outgoing.on("error", reject);
    outgoing.on("response", (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
      const give = (wasCut: boolean): void => {
        const bytes = Buffer.concat(chunks);
        const text = bytes.toString();
        resolve({
          bytes,
          status: incoming.statusCode ?? 0,
          headers: incoming.headers,
          text,
          json: readJson(text),
          wasCut,
        });
      };
      incoming.on("error", (error) => (options.mayBeCut === true ? give(true) : reject(error)));
      incoming.on("end", () => give(false));
    });
    outgoing.end(bytes);
  });
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
