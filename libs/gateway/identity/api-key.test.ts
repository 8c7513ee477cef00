import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { apiKeyChecksum, formApiKey, hasApiKeyForm, hashApiKey } from "./api-key.ts";

test("a key that was formed is known by its form, and no changed character goes unseen", () => {
  const key = formApiKey("live", (length) => randomBytes(length));
  assert.match(key, /^sk-tdm-live_[0-9A-Za-z]{36}$/);
  assert.ok(hasApiKeyForm(key));
  fc.assert(
    fc.property(fc.nat({ max: 35 }), fc.integer({ min: 1, max: 61 }), (place, shift) => {
      const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
      const at = key.length - 36 + place;
      const other = alphabet.charAt((alphabet.indexOf(key.charAt(at)) + shift) % 62);
      assert.ok(!hasApiKeyForm(key.slice(0, at) + other + key.slice(at + 1)));
    }),
  );
});

test("what is no key is refused without a look-up", () => {
  for (const text of [
    "",
    "sk-",
    "sk-tdm-live_",
    "sk-tdm-live_short",
    `sk-tdm-_${"0".repeat(36)}`,
  ]) {
    assert.ok(!hasApiKeyForm(text));
  }
});

test("the checksum is the CRC-32 of what stands before it, as other programs compute it", () => {
  assert.equal(apiKeyChecksum("123456789"), checksumOf(0xcbf43926));
});

function checksumOf(value: number): string {
  const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  let text = "";
  for (let rest = value, index = 0; index < 6; index += 1, rest = Math.floor(rest / 62)) {
    text = alphabet.charAt(rest % 62) + text;
  }
  return text;
}

test("the stored hash depends on the pepper", () => {
  const one = hashApiKey("sk", new Uint8Array(32));
  const two = hashApiKey("sk", new Uint8Array(32).fill(1));
  assert.equal(one.length, 32);
  assert.notDeepEqual(one, two);
});
