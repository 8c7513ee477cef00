import type { IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as requestHttps } from "node:https";
import { nodeHttp } from "@tandem/libs/http";
import { faults } from "../faults.ts";

/** What to fetch and with which header fields. Credentials in the URL become a field. */
export interface HttpTarget {
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** For the proxy settings (`https_proxy`, `no_proxy` …). */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

const redirectsMax = 5;
const redirectStatuses = new Set([301, 302, 303, 307, 308]);

/**
 * A GET that follows up to five redirects. Credentials stay with the host they were given for, and
 * an https address never leads to an http one. Fails with `engine.source_failed`.
 */
export async function requestUrl(options: {
  readonly target: HttpTarget;
  readonly signal: AbortSignal;
  readonly idleTimeoutMs: number;
}): Promise<{ readonly response: IncomingMessage; readonly url: string }> {
  const { target, signal, idleTimeoutMs } = options;
  const start = new URL(target.url);
  const credentials = takeCredentials(start);
  let url = start;
  for (let redirects = 0; redirects <= redirectsMax; redirects += 1) {
    const isHome = url.origin === start.origin;
    const headers = {
      "user-agent": "tandem-engine",
      ...target.headers,
      ...(isHome && credentials !== undefined && { authorization: credentials }),
    };
    const response = await send({
      url,
      headers,
      signal,
      idleTimeoutMs,
      environment: target.environment ?? {},
    });
    if (!redirectStatuses.has(response.statusCode ?? 0)) return { response, url: url.href };
    response.destroy();
    url = nextUrl(url, response.headers.location);
  }
  throw faults.source_failed({ publicMessage: `${start.host} redirects in a circle.` });
}

function nextUrl(from: URL, location: string | undefined): URL {
  if (location === undefined || !URL.canParse(location, from.href)) {
    throw faults.source_failed({ publicMessage: `${from.host} redirects to nowhere.` });
  }
  const next = new URL(location, from);
  const isWeb = next.protocol === "https:" || next.protocol === "http:";
  if (!isWeb || (from.protocol === "https:" && next.protocol === "http:")) {
    throw faults.source_failed({
      publicMessage: `${from.host} redirects from https to ${next.protocol} That is not followed.`,
    });
  }
  return next;
}

/** Removes `user:password@` and gives it as an Authorization field (RFC 7617). */
function takeCredentials(url: URL): string | undefined {
  if (url.username === "") return undefined;
  const pair = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  url.username = "";
  url.password = "";
  return `Basic ${Buffer.from(pair).toString("base64")}`;
}

function send(options: {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  readonly idleTimeoutMs: number;
  readonly environment: Readonly<Record<string, string | undefined>>;
}): Promise<IncomingMessage> {
  const { url, headers, signal, idleTimeoutMs, environment } = options;
  const proxyEnv = { ...environment };
  const common = { headers, signal, timeout: idleTimeoutMs };
  return new Promise((resolve, reject) => {
    const request =
      url.protocol === "https:"
        ? requestHttps(url, { ...common, agent: new HttpsAgent({ proxyEnv }) }, resolve)
        : nodeHttp.request(url, { ...common, agent: new nodeHttp.Agent({ proxyEnv }) }, resolve);
    request.on("timeout", () => request.destroy(silent(url, idleTimeoutMs)));
    request.on("error", (error) => reject(signal.aborted ? error : unreachable(url, error)));
    request.end();
  });
}

function silent(url: URL, idleTimeoutMs: number): Error {
  return Object.assign(new Error(`${url.host} was silent for ${idleTimeoutMs} ms`), {
    code: "ETIMEDOUT",
  });
}

function unreachable(url: URL, error: Error) {
  return faults.source_failed({
    publicMessage: `${url.host} cannot be reached (${(error as NodeJS.ErrnoException).code}).`,
    cause: error,
  });
}
