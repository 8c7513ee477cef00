/** Tokens of invitations: 256 random bits, given out once, kept as an HMAC. */
import { createHmac } from "node:crypto";
import type { World } from "@tandem/libs/world";

export function newInvitationToken({ randomness }: World): string {
  return Buffer.from(randomness.bytes(32)).toString("base64url");
}

export function hashInvitationToken(pepper: Uint8Array, token: string): Buffer {
  return createHmac("sha256", pepper).update(`invitation ${token}`).digest();
}
