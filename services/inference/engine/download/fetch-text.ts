import { faults } from "../faults.ts";
import { type HttpTarget, requestUrl } from "./request-url.ts";

/** A small text and where it was found in the end. Fails with `engine.source_failed`. */
export async function fetchText(options: {
  readonly target: HttpTarget;
  readonly signal: AbortSignal;
  readonly limitBytes: number;
  readonly idleTimeoutMs: number;
}): Promise<{ readonly text: string; readonly contentType: string; readonly url: string }> {
  const { response, url } = await requestUrl(options);
  const host = new URL(url).host;
  if (response.statusCode !== 200) {
    response.destroy();
    throw faults.source_failed({
      publicMessage: `${host} answered with status ${response.statusCode}.`,
    });
  }
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > options.limitBytes) {
      response.destroy();
      throw faults.source_failed({ publicMessage: `${host} sent a page that is far too long.` });
    }
    chunks.push(chunk);
  }
  return {
    text: Buffer.concat(chunks).toString("utf8"),
    contentType: response.headers["content-type"] ?? "",
    url,
  };
}
