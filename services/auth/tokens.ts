/** Opaque secrets that are not keys: sessions, setup links. 256 random bits; stored as an HMAC. */
import { createHmac } from "node:crypto";
import type { World } from "@tandem/libs/world";

export function newToken({ randomness }: World): string {
  return Buffer.from(randomness.bytes(32)).toString("base64url");
}

/** `kind` keeps a token of one kind from being taken for another. */
export function hashToken(
  pepper: Uint8Array,
  kind: "session" | "setup" | "email" | "address" | "state",
  token: string,
): Buffer {
  return createHmac("sha256", pepper).update(`${kind} ${token}`).digest();
}
