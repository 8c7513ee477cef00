import { identityFaults } from "@tandem/libs/gateway";
import type { HeaderList } from "@tandem/libs/http";

const bearer = "Bearer ";
const anyBearer = /^bearer +/i;

/**
 * What a caller shows for itself, in one form: `Bearer <key>`. Anthropic's clients send
 * `x-api-key`; where both are there, Bearer wins. Throws `identity.missing`.
 */
export function credentialOf(headers: HeaderList): string {
  const authorization = headers.get("authorization");
  if (authorization !== undefined) {
    if (authorization.startsWith(bearer)) return authorization;
    if (anyBearer.test(authorization)) return bearer + authorization.replace(anyBearer, "");
  }
  const key = headers.get("x-api-key");
  if (key === undefined || key === "") throw identityFaults.missing();
  return bearer + key;
}

/** The key in a credential. */
export function keyOf(credential: string): string {
  return credential.slice(bearer.length);
}
