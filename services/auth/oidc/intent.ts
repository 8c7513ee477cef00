/**
 * A sign-in under way, kept by the browser that began it: sealed, so that nobody reads or forges
 * one, and bound to that browser by the cookie it lies in. No replica has to remember anything, and
 * beginning sign-ins fills no table.
 */
import { createCipheriv, createDecipheriv, hkdfSync } from "node:crypto";
import type { World } from "@tandem/libs/world";
import { z } from "zod";

const intentSchema = z.object({
  provider: z.string(),
  state: z.string(),
  nonce: z.string(),
  codeVerifier: z.string(),
  /** Milliseconds since 1970. */
  expiresAtMs: z.number(),
  /** Which of the person's organisations; empty for the one joined first. */
  organisationId: z.string(),
  /** Who wants the provider's identity linked, in a session; empty for signing in. */
  linkUserId: z.string(),
});

export type SignInIntent = z.output<typeof intentSchema>;

const algorithm = "aes-256-gcm";
const ivBytes = 12;
const tagBytes = 16;
const sealedLengthMax = 4096;

function keyFrom(pepper: Uint8Array): Buffer {
  return Buffer.from(hkdfSync("sha256", pepper, "", "sign-in intent", 32));
}

export function sealIntent(
  intent: SignInIntent,
  { pepper, world }: { readonly pepper: Uint8Array; readonly world: World },
): string {
  const iv = world.randomness.bytes(ivBytes);
  const cipher = createCipheriv(algorithm, keyFrom(pepper), iv);
  const text = Buffer.concat([cipher.update(JSON.stringify(intent), "utf8"), cipher.final()]);
  return Buffer.concat([iv, cipher.getAuthTag(), text]).toString("base64url");
}

/** Undefined for what this platform has not sealed, and for an intent that is too old. */
export function openIntent(
  sealed: string,
  { pepper, nowMs }: { readonly pepper: Uint8Array; readonly nowMs: number },
): SignInIntent | undefined {
  const bytes = Buffer.from(sealed.slice(0, sealedLengthMax), "base64url");
  if (bytes.length <= ivBytes + tagBytes) return undefined;
  try {
    const iv = bytes.subarray(0, ivBytes);
    const decipher = createDecipheriv(algorithm, keyFrom(pepper), iv);
    decipher.setAuthTag(bytes.subarray(ivBytes, ivBytes + tagBytes));
    const rest = bytes.subarray(ivBytes + tagBytes);
    const text = decipher.update(rest, undefined, "utf8") + decipher.final("utf8");
    const intent = intentSchema.parse(JSON.parse(text));
    return intent.expiresAtMs > nowMs ? intent : undefined;
  } catch {
    return undefined;
  }
}
