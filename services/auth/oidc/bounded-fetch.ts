/** How providers are asked: within a time, without following anybody elsewhere, a page at most. */
const bodyBytesMax = 1024 * 1024;

interface Question {
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly body?: URLSearchParams | undefined;
}

export type Fetch = (url: string, question: Question) => Promise<Response>;

export function boundedFetch(timeoutMs: number): Fetch {
  return async (url, { method, headers: asked, body = null }) => {
    const signal = AbortSignal.timeout(timeoutMs);
    const init = { method, headers: asked, body, signal };
    const response = await fetch(url, { ...init, redirect: "manual" });
    const chunks: Uint8Array[] = [];
    let size = 0;
    // The signal bounds the body, too: an answer that dribbles is none.
    for await (const chunk of response.body ?? []) {
      size += chunk.length;
      if (size > bodyBytesMax) throw new Error("the provider's answer is larger than 1 MiB");
      chunks.push(chunk);
    }
    const { status, headers } = response;
    const isBodiless = status === 204 || status === 304;
    return new Response(isBodiless ? null : Buffer.concat(chunks), { status, headers });
  };
}
