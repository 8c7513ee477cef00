/**
 * Signatures in Stripe's manner (https://docs.stripe.com/webhooks#verify-manually): the header
 * `t=<seconds>,v1=<hex>[,v1=…]`, HMAC-SHA-256 over `<seconds>.<raw body>`; several while a secret
 * is being changed.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import type { EventRefusal } from "../provider.ts";

const toleranceMs = 300_000;
const signaturesMax = 8;

export function signatureOf(secret: string, seconds: number, rawBody: Uint8Array): string {
  return createHmac("sha256", secret).update(`${seconds}.`).update(rawBody).digest("hex");
}

/** Undefined when the body was signed with this secret, and not long ago. */
export function refusalOfSignature(given: {
  readonly header: string | undefined;
  readonly rawBody: Uint8Array;
  readonly secret: string;
  readonly nowMs: number;
}): EventRefusal | undefined {
  const { header, rawBody, secret, nowMs } = given;
  if (header === undefined || header === "") return "unsigned";
  const fields = header.split(",").map((field) => field.trim().split("="));
  const stamp = fields.find(([name]) => name === "t")?.[1] ?? "";
  const signatures = fields.filter(([name]) => name === "v1").map(([, value = ""]) => value);
  if (!/^[0-9]{1,12}$/.test(stamp) || signatures.length === 0) return "unsigned";
  const expected = Buffer.from(signatureOf(secret, Number(stamp), rawBody));
  const isOurs = signatures.slice(0, signaturesMax).some((signature) => {
    const bytes = Buffer.from(signature);
    return bytes.length === expected.length && timingSafeEqual(bytes, expected);
  });
  if (!isOurs) return "forged";
  // Only now: who cannot sign learns nothing about clocks.
  return Math.abs(nowMs - Number(stamp) * 1000) > toleranceMs ? "stale" : undefined;
}
