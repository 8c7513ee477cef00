/**
 * The console's session in a cookie, and what keeps other sites from using it: the `__Host-` prefix
 * (no sibling domain can set it), HttpOnly, SameSite=Strict, a CSRF token bound to the session by
 * HMAC, and a look at where the browser says a change comes from (OWASP, CSRF prevention;
 * https://www.w3.org/TR/fetch-metadata/). Over plain HTTP, which only a local run has, browsers
 * refuse the prefix, so the name differs.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import type { HeaderFields, HeaderList } from "../http/index.ts";

export const csrfHeader = "x-tandem-csrf";

const sessionName = "tandem_session";

function cookieName(name: string, isSecure: boolean): string {
  return isSecure ? `__Host-${name}` : name;
}

/** The session's token, if the request has one. */
export function readSessionToken(
  headers: Pick<HeaderList, "get">,
  isSecure: boolean,
): string | undefined {
  return readHostCookie(headers, { name: sessionName, isSecure });
}

/**
 * A cookie of ours, under the one name that fits the request's protocol. A name that stands twice
 * was tossed in by somebody else (RFC 6265, section 8.6): none is believed.
 */
export function readHostCookie(
  headers: Pick<HeaderList, "get">,
  given: { readonly name: string; readonly isSecure: boolean },
): string | undefined {
  const name = cookieName(given.name, given.isSecure);
  const values: string[] = [];
  for (const pair of (headers.get("cookie") ?? "").split(/[;,]/)) {
    const equals = pair.indexOf("=");
    if (pair.slice(0, equals).trim() === name) values.push(pair.slice(equals + 1).trim());
  }
  return values.length === 1 ? values[0] : undefined;
}

export function setSessionCookie(options: {
  readonly token: string;
  readonly isSecure: boolean;
  /** Seconds until the session ends in any case. */
  readonly maxAgeSeconds: number;
}): HeaderFields {
  const { token, isSecure, maxAgeSeconds } = options;
  return [
    setHostCookie({
      ...{ isSecure, maxAgeSeconds },
      name: sessionName,
      value: token,
      site: "Strict",
    }),
  ];
}

/** `Lax` goes along when another site sends the browser here; `Strict` never does. */
export function setHostCookie(cookie: {
  readonly name: string;
  /** Base64url; an empty one with no age deletes the cookie. */
  readonly value: string;
  readonly isSecure: boolean;
  readonly maxAgeSeconds: number;
  readonly site: "Strict" | "Lax";
}): readonly [string, string] {
  const { value, isSecure, maxAgeSeconds, site } = cookie;
  const age = Math.max(0, Math.floor(maxAgeSeconds));
  const attributes = `Path=/; Max-Age=${age}; HttpOnly; SameSite=${site}`;
  const name = cookieName(cookie.name, isSecure);
  return ["set-cookie", `${name}=${value}; ${attributes}${isSecure ? "; Secure" : ""}`];
}

export function clearSessionCookie(isSecure: boolean): HeaderFields {
  return setSessionCookie({ token: "", isSecure, maxAgeSeconds: 0 });
}

/** What the console sends back in `x-tandem-csrf`; another one for every session. */
export function csrfTokenOf(secret: Uint8Array, sessionToken: string): string {
  return createHmac("sha256", secret).update(`csrf ${sessionToken}`).digest("base64url");
}

export function isCsrfToken(given: string | undefined, expected: string): boolean {
  if (given === undefined || given.length !== expected.length) return false;
  return timingSafeEqual(Buffer.from(given), Buffer.from(expected));
}

/**
 * Where a request comes from, by the browser's own word. `unknown` when it says nothing at all, as
 * command lines do and browsers never with a change.
 */
export function siteOf(
  headers: Pick<HeaderList, "get">,
  isSecure: boolean,
): "same" | "other" | "unknown" {
  const fetchSite = headers.get("sec-fetch-site");
  const origin = headers.get("origin");
  if (origin !== undefined) {
    const host = headers.get("x-forwarded-host") ?? headers.get("host") ?? "";
    const own = `${isSecure ? "https" : "http"}://${host}`;
    if (origin !== own) return "other";
  }
  if (fetchSite !== undefined) return fetchSite === "same-origin" ? "same" : "other";
  return origin === undefined ? "unknown" : "same";
}
