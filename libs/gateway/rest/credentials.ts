/**
 * Who is calling: by API key in `Authorization`, or by the console's session cookie, which for a
 * change must come with the session's CSRF token from the console's own origin. A key wins over a
 * cookie, since no browser sends one by itself.
 */
import { hasApiKeyForm } from "../identity/api-key.ts";
import { type Identities, isRefusal, type Verified } from "../identity/identities.ts";
import { identityFaults } from "../identity/identity-faults.ts";
import { csrfHeader, isCsrfToken, readSessionToken, siteOf } from "../session-cookie.ts";
import type { Caller } from "./caller.ts";
import { restFaults } from "./rest-faults.ts";
import type { Arrival, Authenticate } from "./work.ts";

const readingMethods = new Set(["GET", "HEAD"]);

export function createAuthenticate(options: {
  readonly identities: Identities;
  readonly csrfTokenOf: (sessionToken: string) => string;
}): Authenticate {
  return async (arrival) => {
    const { headers } = arrival.exchange.head;
    const authorization = headers.get("authorization");
    if (authorization !== undefined) return byKey(options.identities, authorization, arrival);
    const token = readSessionToken(headers, arrival.isSecure);
    if (token === undefined || token === "") return undefined;
    if (!readingMethods.has(arrival.exchange.head.method)) {
      checkOrigin(arrival, options.csrfTokenOf(token));
    }
    return bySession(options.identities, token, arrival.remoteAddress);
  };
}

async function byKey(
  identities: Identities,
  authorization: string,
  arrival: Arrival,
): Promise<Caller> {
  const [scheme = "", key = "", ...rest] = authorization.split(" ");
  if (scheme.toLowerCase() !== "bearer" || rest.length > 0) {
    throw restFaults.credentials_malformed();
  }
  // The checksum tells garbage from keys without asking anybody; the answer is the same.
  if (!hasApiKeyForm(key)) throw identityFaults.invalid();
  const verified = await identities.ofKey(key, arrival.remoteAddress);
  if (!verified.identity.mayComeFrom(arrival.remoteAddress)) throw restFaults.address_refused();
  return callerOf(verified, "key");
}

async function bySession(identities: Identities, token: string, address: string): Promise<Caller> {
  try {
    return callerOf(await identities.ofSession(token, address), "session");
  } catch (error) {
    throw isRefusal(error) ? restFaults.session_ended({ cause: error }) : error;
  }
}

/** Throws `rest.cross_site_refused` unless the console itself sent this. */
function checkOrigin({ exchange, isSecure }: Arrival, expected: string): void {
  const { headers } = exchange.head;
  const isOwn = siteOf(headers, isSecure) === "same";
  if (!isOwn || !isCsrfToken(headers.get(csrfHeader), expected)) {
    throw restFaults.cross_site_refused();
  }
}

function callerOf({ identity, isDegraded }: Verified, via: "key" | "session"): Caller {
  const { claims, permissions } = identity;
  return { claims, permissions, actor: claims.keyId || claims.userId, via, isDegraded };
}
