import assert from "node:assert/strict";
import type { MockEngine } from "@tandem/libs/testing";
import { freshPrompt } from "./prompt.ts";

/** How soon the upstream must know that the client has gone (issue: "within 50 ms"). */
const limitMs = 50;
const rounds = 5;

/**
 * Lets a client leave a long stream and checks that the upstream call is cancelled, each time, and
 * within the limit. `leave` asks `content`, leaves after the first words and gives the moment. The
 * quickest of a few rounds counts: a busy machine may delay the client, but nothing makes a product
 * that polls, or waits for its next write, quick even once.
 */
export async function assertLeavingCancels(
  engine: MockEngine,
  leave: (content: string) => Promise<number>,
): Promise<void> {
  engine.pace({ tokensPerSecond: 100 });
  let quickestMs = Number.POSITIVE_INFINITY;
  try {
    for (let round = 0; round < rounds && quickestMs > limitMs; round += 1) {
      const { content } = freshPrompt(500);
      const leftMs = await leave(content);
      const call = () => engine.calls.findLast(({ bodyText }) => bodyText.includes(content));
      await engine.until(() => call()?.state === "canceled");
      quickestMs = Math.min(quickestMs, (call()?.endedMs ?? Number.NaN) - leftMs);
    }
  } finally {
    engine.pace({});
  }
  assert.ok(quickestMs <= limitMs, `cancelled after ${quickestMs} ms at best`);
}
