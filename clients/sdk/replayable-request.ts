/** A request that can be made again: its body can be read as often as it takes. */
export interface ReplayableRequest {
  readonly url: string;
  readonly method: string;
  readonly headers: Headers;
  /** Everything else that the caller said, the body included. */
  readonly init: RequestInit;
  readonly signal: AbortSignal | undefined;
}

/** Undefined for a body that can be sent once only; such a request is made as it is. */
export async function readRequest(
  input: string | URL | Request,
  init: RequestInit = {},
): Promise<ReplayableRequest | undefined> {
  if (isOneTime(init.body)) return undefined;
  if (!(input instanceof Request)) {
    return {
      url: absolute(String(input)),
      method: (init.method ?? "GET").toUpperCase(),
      headers: new Headers(init.headers),
      init,
      signal: init.signal ?? undefined,
    };
  }
  const own =
    input.body === null || "body" in init ? {} : { body: await input.clone().arrayBuffer() };
  const { credentials, mode, redirect, referrerPolicy, integrity } = input;
  return {
    url: input.url,
    method: (init.method ?? input.method).toUpperCase(),
    headers: new Headers(init.headers ?? input.headers),
    init: { credentials, mode, redirect, referrerPolicy, integrity, ...own, ...init },
    signal: init.signal ?? input.signal,
  };
}

function isOneTime(body: RequestInit["body"] | undefined): boolean {
  if (typeof body !== "object" || body === null) return false;
  return body instanceof ReadableStream || Symbol.asyncIterator in body;
}

/** Paths of the page's own origin are usual in browsers. */
function absolute(url: string): string {
  const { location } = globalThis as { readonly location?: { readonly href: string } };
  return location === undefined ? url : new URL(url, location.href).href;
}
