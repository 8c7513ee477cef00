import assert from "node:assert/strict";
import { test } from "node:test";
import { readChatRequest } from "../request/chat-request.ts";
import { isProblem } from "../request/generation-request.ts";
import { type CacheScope, cacheKey } from "./cache-key.ts";

const scope: CacheScope = { tenant: "key_1", policyVersion: "", model: "m" };
const messages = [{ role: "user", content: "hi" }];

function key(body: object | string, part: Partial<CacheScope> = {}): string {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const request = readChatRequest(Buffer.from(text));
  assert.ok(!isProblem(request), JSON.stringify(request));
  return cacheKey(request, { ...scope, ...part });
}

const plain = { model: "m", messages, temperature: 0 };

test("the way an answer travels makes no other answer, nor does the order of members", () => {
  const expected = key(plain);
  assert.equal(key({ ...plain, stream: true, stream_options: { include_usage: true } }), expected);
  assert.equal(key({ temperature: 0, messages, model: "alias" }), expected);
  assert.equal(
    key(` { "messages" : ${JSON.stringify(messages)}, "model":"m", "temperature":0 }`),
    expected,
  );
});

test("everything that can change an answer, or whose it is, makes another key", () => {
  const others = [
    key({ ...plain, temperature: 0.1 }),
    key({ ...plain, seed: 1 }),
    key({ ...plain, user_id: "u" }),
    key({ ...plain, messages: [{ role: "user", content: "hi!" }] }),
    key(plain, { tenant: "key_2" }),
    key(plain, { policyVersion: "v2" }),
    key(plain, { model: "other" }),
  ];
  assert.equal(new Set([key(plain), ...others]).size, others.length + 1);
});

test("no member's value can be written so that it looks like two members", () => {
  const one = key({ ...plain, a: '\n"b":1' });
  const two = key({ ...plain, a: "", b: 1 });
  assert.notEqual(one, two);
});
