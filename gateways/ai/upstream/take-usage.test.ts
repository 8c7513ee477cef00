import assert from "node:assert/strict";
import { test } from "node:test";
import { mockStream } from "@tandem/libs/testing";
import type { Call } from "../call.ts";
import { readChatRequest } from "../core/request/chat-request.ts";
import { isProblem } from "../core/request/generation-request.ts";
import { SentText } from "../core/stream/sent-text.ts";
import { takeUsage } from "./take-usage.ts";

const envelope = { id: "up-1", created: 1_790_000_000, usageStyle: "openai" as const };
const habits = { answerTokens: 12, cachedTokens: 0, reasoningTokens: 0 };

/** A call whose client was sent these events, of which nobody told the usage. */
function callWith(events: readonly Buffer[], body: object): Call {
  const request = readChatRequest(Buffer.from(JSON.stringify(body)));
  assert.ok(!isProblem(request));
  const sent = new SentText();
  for (const event of events) sent.add(event);
  return { request, sent, outcome: "complete" } as Partial<Call> as Call;
}

test("a stream whose usage nobody told is counted by its tokens, not by the length of its text", () => {
  for (let tokens = 1; tokens <= 20; tokens += 1) {
    const content = `count me tokens=${tokens}`;
    const body = { model: "m", stream: true, messages: [{ role: "user", content }] };
    const events = mockStream("chat", body, { habits, envelope });
    const call = callWith(events.slice(0, -1), body);
    takeUsage(call);
    assert.equal(call.usage.outputTokens, tokens);
    assert.equal(call.usage.isEstimated, true);
  }
});
