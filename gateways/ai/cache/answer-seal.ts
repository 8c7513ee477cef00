/**
 * Answers that leave this process carry a MAC over themselves and the key they are kept under, so
 * that nobody who can write to the shared store can put words into a model's mouth, nor move an
 * answer to another question.
 */
import { createHmac, createSecretKey, hkdfSync, timingSafeEqual } from "node:crypto";
import type { StoredAnswer } from "./answer-memory.ts";

const macBytes = 32;

export interface AnswerSeal {
  seal(key: string, answer: StoredAnswer): Buffer;
  /** Undefined for what was not sealed for this key by one of our replicas. */
  open(key: string, sealed: Buffer): StoredAnswer | undefined;
}

export function createAnswerSeal(secret: Uint8Array): AnswerSeal {
  // A key object: given bytes, each MAC would first look closely at what kind of key they are.
  const macKey = createSecretKey(
    Buffer.from(hkdfSync("sha256", secret, "", "tandem answer cache", 32)),
  );
  const macOf = (key: string, text: Buffer): Buffer =>
    createHmac("sha256", macKey).update(key).update("\0").update(text).digest();
  return {
    seal(key, answer) {
      const text = Buffer.from(JSON.stringify(answer));
      return Buffer.concat([macOf(key, text), text]);
    },
    open(key, sealed) {
      if (sealed.length <= macBytes) return undefined;
      const text = sealed.subarray(macBytes);
      if (!timingSafeEqual(sealed.subarray(0, macBytes), macOf(key, text))) return undefined;
      return JSON.parse(text.toString()) as StoredAnswer;
    },
  };
}
