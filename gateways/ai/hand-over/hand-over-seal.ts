import { createHmac, hkdfSync, timingSafeEqual } from "node:crypto";

/** What a token says of a stream. */
export interface HandOverClaims {
  readonly requestId: string;
  readonly keyId: string;
  readonly model: string;
  readonly upstream: string;
  readonly upstreamModel: string;
  /** Of the wall clock. */
  readonly atMs: number;
}

/** Longer than any stream may take. */
const validMs = 2 * 60 * 60 * 1_000;
const macBytes = 32;

export interface HandOverSeal {
  seal(claims: HandOverClaims): string;
  /** Undefined for what no replica of ours has sealed, for another request, and for what is old. */
  open(token: string, given: { requestId: string; nowMs: number }): HandOverClaims | undefined;
}

/** Tokens that every replica of this gateway can read, and nobody else can write. */
export function createHandOverSeal(secret: Uint8Array): HandOverSeal {
  const key = Buffer.from(hkdfSync("sha256", secret, "", "tandem stream hand-over", 32));
  const macOf = (text: Buffer): Buffer => createHmac("sha256", key).update(text).digest();
  return {
    seal({ requestId, keyId, model, upstream, upstreamModel, atMs }) {
      const fields = [requestId, keyId, model, upstream, upstreamModel, atMs];
      const text = Buffer.from(JSON.stringify(fields));
      return Buffer.concat([macOf(text), text]).toString("base64url");
    },
    open(token, { requestId, nowMs }) {
      const bytes = Buffer.from(token, "base64url");
      if (bytes.length <= macBytes) return undefined;
      const text = bytes.subarray(macBytes);
      if (!timingSafeEqual(bytes.subarray(0, macBytes), macOf(text))) return undefined;
      const claims = claimsOf(JSON.parse(text.toString()) as readonly (string | number)[]);
      const isFresh = Math.abs(nowMs - claims.atMs) <= validMs;
      return claims.requestId === requestId && isFresh ? claims : undefined;
    },
  };
}

function claimsOf(fields: readonly (string | number)[]): HandOverClaims {
  const text = (index: number): string => String(fields[index]);
  return {
    requestId: text(0),
    keyId: text(1),
    model: text(2),
    upstream: text(3),
    upstreamModel: text(4),
    atMs: Number(fields[5]),
  };
}
