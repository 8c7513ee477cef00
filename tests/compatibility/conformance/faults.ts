/** What comes of a request whose upstream or client fails. */
import assert from "node:assert/strict";
import type { EngineFault } from "@tandem/libs/testing";
import { assertLeavingCancels } from "../cancellation.ts";
import { freshPrompt } from "../prompt.ts";
import type { Target } from "../target.ts";
import { type Asking, backToNormal, both, type Case, quoted, refused } from "./case.ts";
import type { Refusal } from "./transport.ts";

const all = { modes: both, of: "all" } as const;

export const faults: readonly Case[] = [
  {
    ...{ key: "reset", ...all },
    title: "an upstream breaks before the first word: another one answers",
    run: (one, target) => answeredAfter(one, target, { kind: "reset" }),
  },
  {
    ...{ key: "continued", ...all },
    title: "an upstream breaks in the middle: another one goes on, or answers",
    run: (one, target) => answeredAfter(one, target, breakInTheMiddle(one)),
  },
  {
    ...{ key: "broken", ...all },
    title: "it breaks in the middle and nobody can go on: never ended like a whole one",
    run: async (one, { engine }) => {
      const error = await failedWith(one, engine, breakInTheMiddle(one));
      if (one.mode === "stream") assert.ok(error.partial.length > 0, "something had come");
      return error.told;
    },
  },
  {
    ...{ key: "upstream-500", ...all },
    title: "the upstream fails (500)",
    run: async (one, { engine }) =>
      (await failedWith(one, engine, { kind: "status", status: 500 })).told,
  },
  {
    ...{ key: "upstream-429", ...all },
    title: "the upstream has no room (429)",
    run: async (one, { engine }) => {
      const error = await failedWith(one, engine, {
        ...{ kind: "status", status: 429, retryAfterSeconds: 1 },
      });
      if (!one.tellsLater) assert.ok((error.retryAfterMs ?? 0) > 0, "it says when to come back");
      return error.told;
    },
  },
  {
    ...{ key: "upstream-400", ...all },
    title: "the upstream refuses the request (400): its words are passed on",
    run: async (one, { engine }) => {
      engine.script({ kind: "status", status: 400, message: "too many commas" });
      const asked = one.ask({ content: freshPrompt().content, model: one.models.usual });
      const error = await refused(asked, "invalid_argument");
      assert.match(error.message, /too many commas/);
      return error.told;
    },
  },
  {
    ...{ key: "upstream-401", ...all },
    title: "the upstream refuses our key (401), which is not the caller's 401",
    run: async (one, { engine }) =>
      (await failedWith(one, engine, { kind: "status", status: 401 })).told,
  },
  {
    ...{ key: "stall", modes: both, of: "all", isSlow: true },
    title: "the upstream falls silent: ended in bounded time",
    run: async (one) => {
      const { content } = freshPrompt(40);
      const startMs = performance.now();
      const asked = one.ask({ content, model: one.models.stalling });
      const error = await refused(asked, "unavailable", "deadline_exceeded");
      assert.ok(performance.now() - startMs < 30_000);
      return error.told;
    },
  },
  {
    ...{ key: "leave", ...all },
    title: "the client leaves: the upstream's call is cancelled within 50 ms",
    run: async (one, { engine }) => {
      if (one.gives === "vectors") engine.always({ kind: "hang" });
      try {
        await assertLeavingCancels(engine, async (content) => {
          const controller = new AbortController();
          const { signal } = controller;
          const call = () => engine.calls.findLast(({ bodyText }) => bodyText.includes(content));
          const left = one.ask({ content, model: one.models.usual }, { signal });
          const settled = left.catch(() => undefined);
          await engine.until(() => call()?.state === "running");
          const leftMs = performance.now();
          controller.abort();
          await settled;
          return leftMs;
        });
      } finally {
        engine.always(undefined);
      }
      await backToNormal(one);
      return "cancelled";
    },
  },
];

/** A stream has begun by then; a whole answer is cut on the wire. */
function breakInTheMiddle({ mode, gives }: Asking): EngineFault {
  if (mode === "stream") return { kind: "stop-short", afterEvents: 5 };
  return { kind: "cut", atByte: gives === "words" ? 400 : 250, how: "reset" };
}

/** Whichever of the pair is asked first fails: the answer is whole, and paid for once. */
async function answeredAfter(one: Asking, target: Target, fault: EngineFault): Promise<string> {
  const { content } = freshPrompt(40);
  target.sharedFaults.push(fault);
  const answer = await one.ask({ content, model: one.models.pair });
  assert.equal(target.sharedFaults.length, 0, "it struck");
  assert.equal(answer.text, one.expected(content, 40));
  if (one.gives === "words") {
    assert.deepEqual(answer.finishReasons, ["stop"]);
    assert.equal(answer.usage?.completion, 40);
  }
  return quoted(answer.told);
}

/** With nobody else to ask. */
async function failedWith(
  one: Asking,
  engine: Target["engine"],
  fault: EngineFault,
): Promise<Refusal> {
  engine.always(fault);
  let error: Refusal;
  try {
    const asked = one.ask({ content: freshPrompt(40).content, model: one.models.usual });
    error = await refused(asked, "unavailable");
  } finally {
    engine.always(undefined);
  }
  await backToNormal(one);
  return error;
}
