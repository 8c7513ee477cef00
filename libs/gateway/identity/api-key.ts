/**
 * The form of an API key: `sk-tdm-<environment>_<30 characters><6 characters>`, all in base 62, the
 * last six being the CRC-32 of everything before them. So scanners and gateways can tell a key from
 * garbage without asking anybody, and 30 characters carry 178 random bits.
 */
import { createHmac } from "node:crypto";
import { crc32 } from "node:zlib";

const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const form = /^sk-tdm-[a-z][a-z0-9]{0,15}_[0-9A-Za-z]{36}$/;
const checksumLength = 6;

/** The checksum that the text of a key up to it must be followed by. */
export function apiKeyChecksum(text: string): string {
  let rest = crc32(text);
  let checksum = "";
  for (let index = 0; index < checksumLength; index += 1) {
    checksum = alphabet.charAt(rest % 62) + checksum;
    rest = Math.floor(rest / 62);
  }
  return checksum;
}

/** True when the text is formed like a key of ours and its checksum is right. */
export function hasApiKeyForm(text: string): boolean {
  if (!form.test(text)) return false;
  return apiKeyChecksum(text.slice(0, -checksumLength)) === text.slice(-checksumLength);
}

/** A new key for an environment (`live`, `test`). `random` gives 30 bytes or more of randomness. */
export function formApiKey(environment: string, random: (length: number) => Uint8Array): string {
  let secret = "";
  while (secret.length < 30) {
    // Of 256 values the highest 8 would favour the first characters of the alphabet.
    for (const byte of random(30)) {
      if (byte < 248 && secret.length < 30) secret += alphabet.charAt(byte % 62);
    }
  }
  const text = `sk-tdm-${environment}_${secret}`;
  return text + apiKeyChecksum(text);
}

/** What is stored and looked up instead of the key: HMAC-SHA-256 over its whole text. */
export function hashApiKey(text: string, pepper: Uint8Array): Uint8Array {
  return createHmac("sha256", pepper).update(text).digest();
}
