import assert from "node:assert/strict";
import { test } from "node:test";
import { Fault } from "../../kernel/index.ts";
import { realWorld } from "../../world/index.ts";
import { type AuthClient, createIdentities } from "./identities.ts";

type Answer = () => Promise<unknown>;

const minuteMs = 60_000;
const away = new Fault({ code: "unavailable", reason: "rpc.unreachable", publicMessage: "Away." });
const ended = new Fault({
  code: "unauthenticated",
  reason: "auth.session_ended",
  publicMessage: "Ended.",
});

/** An auth that answers as it is told, and a clock that is moved by hand. */
function bench() {
  const clock = { ms: 0 };
  const auth = { answer: (): Promise<unknown> => Promise.resolve(session), asked: 0 };
  const news: ((news: object) => void)[] = [];
  const session = {
    ...{ sessionId: "ses_1", userId: "usr_1", organisationId: "org_1", keyId: "", projectId: "" },
    ...{ scopes: [], roles: [], permissions: [], name: "", expiresAtMs: 0n, sequence: 0n },
    ...{ allowedModels: [], allowedEndpoints: [], allowedAddresses: [] },
  };
  const world = realWorld();
  let polls = 0;
  const identities = createIdentities({
    auth: {
      verifySession: () => {
        auth.asked += 1;
        return auth.answer();
      },
      watchRevocations: () => {
        polls += 1;
        if (polls === 1) return Promise.resolve({ sequence: 0n, revocations: [], reset: false });
        return new Promise((resolve) => news.push(resolve));
      },
    } as unknown as AuthClient,
    pepper: new Uint8Array(32),
    world: { ...world, clock: { ...world.clock, monotonicMs: () => clock.ms } },
    lifecycle: {
      go: (_name: string, run: (signal: AbortSignal) => Promise<void>) =>
        void run(new AbortController().signal),
      defer: () => undefined,
    } as never,
    capacity: 10,
    outageMsMax: 60 * minuteMs,
    goneMsMax: 60 * minuteMs,
  });
  const timed = async () => {
    const startedMs = performance.now();
    const { isDegraded } = await identities.ofSession("token", "192.0.2.1");
    return { isDegraded, tookMs: performance.now() - startedMs };
  };
  const answerWith = (answer: Answer): void => {
    auth.answer = answer;
  };
  return { identities, clock, auth, timed, answerWith, news };
}

const failures: Readonly<Record<string, Answer>> = {
  "is gone": () => Promise.reject(away),
  hangs: () => new Promise(() => undefined),
};

for (const [what, answer] of Object.entries(failures)) {
  test(`while auth ${what} a known session passes every time, marked, and is not waited for`, async () => {
    const { clock, auth, timed, answerWith } = bench();
    await new Promise(setImmediate);
    assert.equal((await timed()).isDegraded, false);
    answerWith(answer);
    clock.ms += minuteMs + 1;
    for (let request = 0; request < 5; request += 1) {
      const { isDegraded, tookMs } = await timed();
      assert.equal(isDegraded, true);
      assert.ok(tookMs < 1_000, `took ${tookMs} ms`);
    }
    assert.equal(auth.asked, 2, "spared for a moment after it failed");
  });
}

test("a session that has ended is refused, and no copy stands in for it afterwards", async () => {
  const { identities, clock, answerWith } = bench();
  await new Promise(setImmediate);
  await identities.ofSession("token", "192.0.2.1");
  answerWith(() => Promise.reject(ended));
  clock.ms += minuteMs + 1;
  const refused = { reason: "identity.invalid" };
  await assert.rejects(identities.ofSession("token", "192.0.2.1"), refused);
  answerWith(() => Promise.reject(away));
  clock.ms += minuteMs;
  await assert.rejects(identities.ofSession("token", "192.0.2.1"), {
    reason: "identity.unavailable",
  });
});

test("a revocation that was heard is honoured while auth hangs", async () => {
  const { identities, clock, timed, answerWith, news } = bench();
  await new Promise(setImmediate);
  await identities.ofSession("token", "192.0.2.1");
  answerWith(() => new Promise(() => undefined));
  clock.ms += minuteMs + 1;
  assert.equal((await timed()).isDegraded, true);
  const revocations = [{ sequence: 1n, keyId: "", sessionId: "ses_1" }];
  news.at(-1)?.({ sequence: 1n, revocations, reset: false });
  await new Promise(setImmediate);
  const answer = identities.ofSession("token", "192.0.2.1");
  const isLetIn = await Promise.race([
    answer.then(
      () => true,
      () => false,
    ),
    new Promise((resolve) => setTimeout(() => resolve("waits"), 200)),
  ]);
  assert.notEqual(isLetIn, true);
});
