/**
 * Identifiers: `<prefix>_<26 characters>`, the characters being 128 bits in Crockford's base 32,
 * the first 48 of them the creation time in milliseconds, as in a UUID of version 7 (RFC 9562). So
 * ids sort by time, carry 80 random bits, and say what they name.
 */
import { assert } from "./assert.ts";

/** What an id names. A new kind of thing gets its prefix here, so that no two share one. */
export type IdPrefix =
  | "key"
  | "org"
  | "prj"
  | "usr"
  | "mem"
  | "inv"
  | "ses"
  | "req"
  | "chat"
  | "conv"
  | "msg"
  | "mdl"
  | "prc"
  | "ups"
  | "wal"
  | "acc"
  | "trf"
  | "rfs"
  | "lse"
  | "lim"
  | "bdg"
  | "bwn"
  | "grt"
  | "aud"
  | "evt"
  | "inc"
  | "ord"
  | "pck"
  | "pln"
  | "pay"
  | "rfd"
  | "art"
  | "att"
  | "chk"
  | "mak";

const alphabet = "0123456789abcdefghjkmnpqrstvwxyz";
const pattern = /^[a-z]+_[0-9a-hjkmnp-tv-z]{26}$/;

/** Builds an id. `random` gives 10 bytes of randomness; `timestampMs` is milliseconds since 1970. */
export function idFromBytes(
  prefix: IdPrefix,
  { timestampMs, random }: { timestampMs: number; random: Uint8Array },
): string {
  assert(random.length >= 10, "an id needs ten random bytes");
  let text = "";
  let time = Math.floor(timestampMs);
  let high = "";
  for (let index = 0; index < 10; index += 1) {
    high = alphabet.charAt(time % 32) + high;
    time = Math.floor(time / 32);
  }
  let bits = 0;
  let value = 0;
  for (let index = 0; index < 10; index += 1) {
    value = (value << 8) | (random[index] ?? 0);
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += alphabet.charAt((value >> bits) & 31);
    }
    value &= (1 << bits) - 1;
  }
  return `${prefix}_${high}${text}`;
}

/** True when `text` has the form of an id of this kind; says nothing of its existence. */
export function isId(prefix: IdPrefix, text: string): boolean {
  return text.startsWith(`${prefix}_`) && pattern.test(text);
}

/** When the id was made, in milliseconds since 1970. */
export function idTimestampMs(id: string): number {
  let time = 0;
  const start = id.indexOf("_") + 1;
  for (let index = start; index < start + 10; index += 1) {
    time = time * 32 + alphabet.indexOf(id.charAt(index));
  }
  return time;
}
