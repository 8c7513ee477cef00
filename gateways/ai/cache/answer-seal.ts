/**
 * Answers that leave this process carry a MAC over themselves and the key they are kept under, so
 * that nobody who can write to the shared store can put words into a model's mouth, nor move an
 * answer to another question.
 */
import { createHmac, createSecretKey, hkdfSync, timingSafeEqual } from "node:crypto";
import type { StoredAnswer } from "./answer-memory.ts";

/** The MAC, f64 when it was stored, u16 length of the upstream's name, the name, and the answer. */
const macBytes = 32;
const storedAt = macBytes;
const lengthAt = storedAt + 8;
const nameAt = lengthAt + 2;

export interface AnswerSeal {
  seal(key: string, answer: StoredAnswer): Buffer;
  /** Undefined for what was not sealed for this key by one of our replicas. */
  open(key: string, sealed: Buffer): StoredAnswer | undefined;
}

export function createAnswerSeal(secret: Uint8Array): AnswerSeal {
  // A key object: given bytes, each MAC would first look closely at what kind of key they are.
  const macKey = createSecretKey(
    Buffer.from(hkdfSync("sha256", secret, "", "tandem answer cache 2", 32)),
  );
  const macOf = (key: string, content: Buffer): Buffer =>
    createHmac("sha256", macKey).update(key).update("\0").update(content).digest();
  return {
    seal(key, { body, storedAtMs, upstream }) {
      const bodyAt = nameAt + Buffer.byteLength(upstream);
      const sealed = Buffer.allocUnsafe(bodyAt + body.length);
      sealed.writeDoubleLE(storedAtMs, storedAt);
      sealed.writeUInt16LE(bodyAt - nameAt, lengthAt);
      sealed.write(upstream, nameAt);
      sealed.set(body, bodyAt);
      sealed.set(macOf(key, sealed.subarray(macBytes)), 0);
      return sealed;
    },
    open(key, sealed) {
      if (sealed.length < nameAt) return undefined;
      const mac = sealed.subarray(0, macBytes);
      if (!timingSafeEqual(mac, macOf(key, sealed.subarray(macBytes)))) return undefined;
      const bodyAt = nameAt + sealed.readUInt16LE(lengthAt);
      return {
        body: sealed.subarray(bodyAt),
        storedAtMs: sealed.readDoubleLE(storedAt),
        upstream: sealed.toString("utf8", nameAt, bodyAt),
      };
    },
  };
}
