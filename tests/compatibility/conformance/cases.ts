/** What every transport must do alike, from the same words to the same refusal. */
import assert from "node:assert/strict";
import { assertLeavingCancels } from "../cancellation.ts";
import { freshPrompt } from "../prompt.ts";
import type { Target } from "../target.ts";
import { type Answer, Refusal, type Transport } from "./transport.ts";

export interface Case {
  readonly name: string;
  /** Which side of the transport it needs. */
  readonly needs: "whole" | "stream";
  run(transport: Asking, target: Target): Promise<void>;
}

/** A transport's one side, whichever the case runs on. */
export type Asking = Required<Pick<Transport, "name">> & {
  readonly ask: NonNullable<Transport["stream"]>;
  readonly rest: Transport;
};

type Run = Case["run"];

const outcomes: Readonly<Record<string, Run>> = {
  "the engine's words, one end, usage that adds up, the same price": async (one, target) => {
    const { content, expected } = freshPrompt(24);
    const answer = await one.ask({ content });
    assert.equal(answer.text, expected);
    assert.deepEqual(answer.finishReasons, ["stop"]);
    assert.match(answer.requestId, /^req_/);
    assert.equal(answer.usage?.completion, 24);
    const other = await one.rest.whole?.({ content: freshPrompt(24).content });
    const priced = (given: Answer | undefined) => given?.usage?.cost ?? "";
    if (other?.usage?.prompt === answer.usage?.prompt) assert.equal(priced(answer), priced(other));
    assert.ok(Number(priced(answer)) > 0);
    await assertTraced(target, answer.requestId);
  },
  "a tool is called by name with arguments that parse": async (one) => {
    const answer = await one.ask({ content: freshPrompt().content, usesTool: true });
    assert.equal(answer.toolCalls[0]?.name, "weather");
    assert.equal(typeof JSON.parse(answer.toolCalls[0].arguments), "object");
    assert.deepEqual(answer.finishReasons, ["tool_calls"]);
  },
  "JSON mode gives a document": async (one) => {
    const answer = await one.ask({ content: `as json: ${freshPrompt().content}`, isJson: true });
    assert.equal(typeof JSON.parse(answer.text), "object");
  },
  "reasoning comes apart from the answer": async (one, target) => {
    const { content } = freshPrompt();
    const answer = await one.ask({ content, model: target.thinker });
    assert.ok(answer.reasoning.length > 0);
    assert.equal(answer.usage?.reasoning, 6);
  },
  "the length limit ends an answer with `length`": async (one) => {
    const answer = await one.ask({ content: freshPrompt(60).content, maxTokens: 5 });
    assert.deepEqual(answer.finishReasons, ["length"]);
    assert.equal(answer.usage?.completion, 5);
  },
};

const refusals: Readonly<Record<string, Run>> = {
  "an unknown key is unauthenticated": async (one) => {
    await refused(one.ask({ content: "x", key: "sk-not-a-key" }), "unauthenticated");
  },
  "a key without the scope is denied": async (one, target) => {
    const key = await target.makeKey({ scopes: ["models:read"] });
    await refused(one.ask({ content: "x", key }), "permission_denied");
  },
  "an unknown model is an invalid argument that is named": async (one) => {
    const error = await refused(one.ask({ content: "x", model: "no-such" }), "invalid_argument");
    assert.match(error.message, /no-such/);
    assert.match(error.reason, /unknown_model|model_not_found/);
  },
  "a value out of its range is an invalid argument": async (one) => {
    const error = await refused(one.ask({ content: "x", temperature: 3 }), "invalid_argument");
    assert.match(error.message, /temperature/);
  },
  "a prompt beyond the context is an invalid argument": async (one) => {
    const content = "many words ".repeat(40_000);
    const error = await refused(one.ask({ content }), "invalid_argument");
    assert.match(error.reason, /context/);
  },
  "too fast is told with the time to come back": async (one, target) => {
    const key = await target.makeKey({ requestsPerMinute: 2 });
    const asks = async (): Promise<void> => {
      for (let call = 0; call < 6; call += 1)
        await one.ask({ content: freshPrompt(4).content, key });
    };
    const error = await refused(asks(), "resource_exhausted");
    assert.match(error.reason, /rate_limit/);
    assert.ok((error.retryAfterMs ?? 0) > 0 && (error.retryAfterMs ?? 0) <= 60_000);
  },
  "a spent budget is a failed precondition, and no hint to come back": async (one, target) => {
    const key = await target.makeKey({ budgetPerDay: "0.000001" });
    const asks = async (): Promise<void> => {
      const deadlineMs = performance.now() + 6_000;
      while (performance.now() < deadlineMs)
        await one.ask({ content: freshPrompt(4).content, key });
    };
    const error = await refused(asks(), "failed_precondition");
    assert.match(error.reason, /budget|spend_limit/);
    assert.equal(error.retryAfterMs, undefined);
  },
};

const faults: Readonly<Record<string, Run>> = {
  "an upstream that fails is unavailable, and the next call is well": async (one, target) => {
    target.engine.always({ kind: "status", status: 500 });
    try {
      await refused(one.ask({ content: freshPrompt().content }), "unavailable");
    } finally {
      target.engine.always(undefined);
    }
    await backToNormal(one);
  },
  "leaving stops the upstream within 50 ms": async (one, { engine }) => {
    await assertLeavingCancels(engine, async (content) => {
      const controller = new AbortController();
      const call = () => engine.calls.findLast(({ bodyText }) => bodyText.includes(content));
      const left = one.ask({ content }, { signal: controller.signal }).catch(() => undefined);
      await engine.until(() => call()?.state === "running");
      const leftMs = performance.now();
      controller.abort();
      await left;
      return leftMs;
    });
  },
};

const brokenStream: Case = {
  name: "a stream that breaks ends with an error, and never like a whole one",
  needs: "stream",
  run: async (one, target) => {
    target.engine.always({ kind: "stop-short", afterEvents: 3 });
    try {
      const error = await refused(one.ask({ content: freshPrompt(40).content }), "unavailable");
      assert.ok(error.partial.length > 0, "something had come");
    } finally {
      target.engine.always(undefined);
    }
    await backToNormal(one);
  },
};

export const cases: readonly Case[] = [
  ...(["whole", "stream"] as const).flatMap((needs) =>
    Object.entries({ ...outcomes, ...refusals, ...faults }).map(([name, run]) => ({
      ...{ name, needs, run },
    })),
  ),
  brokenStream,
];

async function refused(asked: Promise<unknown>, code: string): Promise<Refusal> {
  let refusal: Refusal | undefined;
  await assert.rejects(asked, (error) => {
    assert.ok(error instanceof Refusal, String(error));
    assert.equal(error.code, code, error.message);
    refusal = error;
    return true;
  });
  assert.ok(refusal);
  return refusal;
}

async function backToNormal(one: Asking): Promise<void> {
  const deadlineMs = performance.now() + 10_000;
  for (;;) {
    const { content, expected } = freshPrompt(4);
    try {
      assert.equal((await one.ask({ content })).text, expected);
      return;
    } catch (error) {
      if (!(error instanceof Refusal) || performance.now() > deadlineMs) throw error;
      await new Promise((resolve) => {
        setTimeout(resolve, 100);
      });
    }
  }
}

/** The same twelve phases, to be read by the request's id. */
async function assertTraced(target: Target, requestId: string): Promise<void> {
  const deadlineMs = performance.now() + 10_000;
  for (;;) {
    const phases = await target.phasesOf(requestId);
    if (phases.length > 0) {
      assert.equal(phases.length, 12);
      assert.equal(phases[0], "receive");
      assert.equal(phases[11], "answer");
      return;
    }
    assert.ok(performance.now() < deadlineMs, `no trace of ${requestId}`);
    await new Promise((resolve) => {
      setTimeout(resolve, 50);
    });
  }
}
