import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { CallerIdentity } from "./caller-identity.ts";
import { IdentityCache, type LookUpAnswer } from "./identity-cache.ts";

function identity(keyId: string, expiresAtMs = 0): CallerIdentity {
  return {
    claims: {
      organisationId: "org_1",
      projectId: "",
      userId: "",
      keyId,
      sessionId: "",
      scopes: [],
      roles: [],
    },
    name: keyId,
    scopes: new Set(),
    permissions: new Set(),
    expiresAtMs,
    policyVersion: "",
    priority: 1,
    mayUseModel: () => true,
    mayUseEndpoint: () => true,
    mayComeFrom: () => true,
  };
}

/** An authority that answers when it is told to. */
function bench(
  options: {
    capacity?: number;
    outageMsMax?: number;
    goneMsMax?: number;
    lookUpsMax?: number;
  } = {},
) {
  const clock = { wallMs: 1_000_000, ms: 0 };
  const asked: string[] = [];
  const waiting: ((answer: LookUpAnswer | Error) => void)[] = [];
  let standing: ((credential: string) => LookUpAnswer) | undefined;
  const cache = new IdentityCache<{ uses: number }>({
    clock: { nowMs: () => clock.wallMs, monotonicMs: () => clock.ms },
    capacity: options.capacity ?? 100,
    outageMsMax: options.outageMsMax ?? 30_000,
    goneMsMax: options.goneMsMax ?? 900_000,
    refusalKeptMs: 1_000,
    lookUpsMax: options.lookUpsMax ?? 10,
    createExtra: () => ({ uses: 0 }),
    lookUp: (credential) => {
      asked.push(credential);
      if (standing !== undefined) return Promise.resolve(standing(credential));
      return new Promise((resolve, reject) => {
        waiting.push((answer) => (answer instanceof Error ? reject(answer) : resolve(answer)));
      });
    },
  });
  const answer = (reply: LookUpAnswer | Error): void => waiting.shift()?.(reply);
  const always = (reply: (credential: string) => LookUpAnswer): void => {
    standing = reply;
  };
  return { cache, clock, asked, answer, always };
}

const good = (keyId: string, sequence = 0n): LookUpAnswer => ({
  identity: identity(keyId),
  refusal: "",
  sequence,
});
const quiet = { revocations: [], reset: false };

function revocation(keyId: string, sequence: bigint) {
  return { sequence, revocations: [{ sequence, keyId, sessionId: "" }], reset: false };
}

test("a credential is looked up once, however many ask at the same time, and then never", async () => {
  const { cache, asked, answer } = bench();
  const all = Promise.all([cache.resolve("a"), cache.resolve("a"), cache.resolve("a")]);
  answer(good("key_1"));
  const [first, second] = await all;
  assert.equal(first, second);
  assert.equal(cache.find("a"), first);
  await cache.resolve("a");
  assert.deepEqual(asked, ["a"]);
});

test("a revoked key is forgotten at once, with every secret it has", async () => {
  const { cache, always, asked } = bench();
  always(() => good("key_1"));
  await cache.resolve("old secret");
  await cache.resolve("new secret");
  cache.hear(revocation("key_1", 1n));
  assert.equal(cache.find("old secret"), undefined);
  assert.equal(cache.find("new secret"), undefined);
  assert.equal(cache.sequence, 1n);
  always(() => good("key_1", 1n));
  await cache.resolve("old secret");
  assert.equal(asked.length, 3);
});

test("an answer from before a revocation is not believed, also when it arrives after it", async () => {
  const { cache, asked, answer } = bench();
  const asking = cache.resolve("a");
  cache.hear(revocation("key_1", 7n));
  answer(good("key_1", 6n));
  await new Promise(setImmediate);
  assert.equal(cache.find("a"), undefined);
  answer({ identity: undefined, refusal: "revoked", sequence: 7n });
  await assert.rejects(asking, { reason: "identity.invalid", httpStatus: 401 });
  assert.equal(asked.length, 2);
});

test("an authority that stays behind a revocation is an outage, not a refusal", async () => {
  const { cache, always } = bench();
  cache.hear(revocation("key_1", 7n));
  always(() => good("key_1", 6n));
  await assert.rejects(cache.resolve("a"), { reason: "identity.unavailable", httpStatus: 503 });
});

test("a reset makes every credential be looked up again, and those under way too", async () => {
  const { cache, always, answer } = bench();
  const asking = cache.resolve("b");
  cache.hear({ ...quiet, sequence: 90n, reset: true });
  answer(good("key_2", 89n));
  await new Promise(setImmediate);
  always(() => good("key_2", 90n));
  answer(good("key_2", 90n));
  assert.equal((await asking).identity.claims.keyId, "key_2");
  cache.hear({ ...quiet, sequence: 3n });
  assert.equal(cache.size, 0, "a sequence that runs backwards is another history");
});

test("a feed without a database lets known callers pass while it speaks, marked", async () => {
  const { cache, clock, always } = bench({ outageMsMax: 30_000 });
  always(() => good("key_1"));
  cache.hear({ ...quiet, sequence: 0n });
  const known = await cache.resolve("a");
  for (let seconds = 1; seconds <= 120; seconds += 1) {
    clock.ms += 1_000;
    cache.hear({ ...quiet, sequence: 0n, degraded: true });
    assert.equal(cache.admit(known), seconds > 3);
  }
  clock.ms += 33_501;
  assert.throws(() => cache.admit(known), { reason: "identity.unavailable" });
  cache.hear({ ...quiet, sequence: 0n });
  assert.equal(cache.admit(known), false);
});

test("known callers pass an outage marked, up to its bound, and then nobody passes", async () => {
  const { cache, clock, always } = bench({ outageMsMax: 30_000 });
  always(() => good("key_1"));
  cache.hear({ ...quiet, sequence: 0n });
  const known = await cache.resolve("a");
  assert.equal(cache.admit(known), false);
  clock.ms += 10_000;
  assert.equal(cache.admit(known), true);
  clock.ms += 30_000;
  assert.throws(() => cache.admit(known), { reason: "identity.unavailable", httpStatus: 503 });
  cache.hear({ ...quiet, sequence: 0n });
  assert.equal(cache.admit(known), false);
});

test("while nobody runs who could revoke, known callers pass for longer, marked, and then not", async () => {
  const { cache, clock, always } = bench({ outageMsMax: 30_000, goneMsMax: 120_000 });
  always(() => good("key_1"));
  cache.hear({ ...quiet, sequence: 0n });
  const known = await cache.resolve("a");
  for (let second = 1; second <= 123; second += 1) {
    clock.ms += 1_000;
    cache.hearNobody();
    assert.equal(cache.admit(known), second > 3);
  }
  clock.ms += 1_000;
  cache.hearNobody();
  assert.throws(() => cache.admit(known), { reason: "identity.unavailable" });
});

test("somebody may be there again, unheard: from then on the shorter time holds", async () => {
  const { cache, clock, always } = bench({ outageMsMax: 30_000, goneMsMax: 900_000 });
  always(() => good("key_1"));
  cache.hear({ ...quiet, sequence: 0n });
  const known = await cache.resolve("a");
  for (let second = 0; second < 60; second += 1) {
    clock.ms += 1_000;
    cache.hearNobody();
  }
  clock.ms += 33_000;
  assert.equal(cache.admit(known), true);
  cache.hearNobody();
  clock.ms += 1_000;
  assert.throws(() => cache.admit(known), { reason: "identity.unavailable" });
});

test("who was cut off before the authority died may have missed a revocation: the shorter time", async () => {
  const { cache, clock, always } = bench({ outageMsMax: 30_000, goneMsMax: 900_000 });
  always(() => good("key_1"));
  cache.hear({ ...quiet, sequence: 0n });
  const known = await cache.resolve("a");
  clock.ms += 11_000;
  for (let second = 11; second <= 33; second += 1) {
    cache.hearNobody();
    assert.equal(cache.admit(known), true);
    clock.ms += 1_000;
  }
  assert.throws(() => cache.admit(known), { reason: "identity.unavailable" });
});

test("before the feed has spoken nobody passes as fresh", async () => {
  const { cache, always } = bench();
  always(() => good("key_1"));
  assert.equal(cache.hasHeard, false);
  const known = await cache.resolve("a");
  assert.throws(() => cache.admit(known), { reason: "identity.unavailable" });
});

test("an expiry is kept to the millisecond, also for a key in the cache", async () => {
  const { cache, clock, always } = bench();
  always(() => ({ identity: identity("key_1", 1_000_500), refusal: "", sequence: 0n }));
  cache.hear({ ...quiet, sequence: 0n });
  const known = await cache.resolve("a");
  clock.wallMs = 1_000_499;
  assert.equal(cache.admit(known), false);
  clock.wallMs = 1_000_500;
  assert.throws(() => cache.admit(known), { reason: "identity.expired", httpStatus: 401 });
});

test("an unreachable authority is 503, never 401, and is asked again at once", async () => {
  const { cache, answer, asked } = bench();
  const asking = cache.resolve("a");
  answer(new Error("connect ECONNREFUSED"));
  await assert.rejects(asking, { reason: "identity.unavailable", httpStatus: 503 });
  const again = cache.resolve("a");
  answer(good("key_1"));
  await again;
  assert.equal(asked.length, 2);
});

test("a refused credential is refused again for a second without asking", async () => {
  const { cache, clock, always, asked } = bench();
  always(() => ({ identity: undefined, refusal: "unknown", sequence: 0n }));
  await assert.rejects(cache.resolve("a"), { reason: "identity.invalid" });
  await assert.rejects(cache.resolve("a"), { reason: "identity.invalid" });
  clock.ms += 1_001;
  await assert.rejects(cache.resolve("a"), { reason: "identity.invalid" });
  assert.equal(asked.length, 2);
});

test("look-ups under way are bounded", async () => {
  const { cache, answer } = bench({ lookUpsMax: 1 });
  const first = cache.resolve("a");
  await assert.rejects(cache.resolve("b"), { reason: "identity.unavailable" });
  answer(good("key_1"));
  await first;
});

test("the cache keeps to its capacity and to what is used", async () => {
  const { cache, always } = bench({ capacity: 3 });
  always((credential) => good(`key_${credential}`));
  for (const credential of ["a", "b", "c", "d"]) await cache.resolve(credential);
  assert.equal(cache.size, 3);
  cache.find("b");
  await cache.resolve("e");
  assert.equal(cache.size, 3);
  assert.notEqual(cache.find("b"), undefined);
});

test("no order of look-ups, answers and revocations lets a revoked key pass", async () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant("resolve" as const), key: fc.nat(2) }),
    fc.record({ kind: fc.constant("answer" as const), key: fc.constant(0) }),
    fc.record({ kind: fc.constant("revoke" as const), key: fc.nat(2) }),
    fc.record({ kind: fc.constant("hear" as const), key: fc.constant(0) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      // The truth: which keys are revoked, and what the feed has not yet said.
      const revoked = new Set<string>();
      const unheard: ReturnType<typeof revocation>[] = [];
      let sequence = 0n;
      const answers: (() => void)[] = [];
      const cache = new IdentityCache<null>({
        clock: { nowMs: () => 0, monotonicMs: () => 0 },
        capacity: 2,
        outageMsMax: 0,
        goneMsMax: 0,
        refusalKeptMs: 0,
        lookUpsMax: 100,
        createExtra: () => null,
        lookUp: (credential) => {
          const isRevoked = revoked.has(credential);
          const answer: LookUpAnswer = isRevoked
            ? { identity: undefined, refusal: "revoked", sequence }
            : good(credential, sequence);
          return new Promise((resolve) => answers.push(() => resolve(answer)));
        },
      });
      const heard = new Set<string>();
      for (const { kind, key } of steps) {
        const name = `key_${key}`;
        if (kind === "resolve") cache.resolve(name).catch(() => undefined);
        else if (kind === "answer") answers.shift()?.();
        else if (kind === "revoke" && !revoked.has(name)) {
          sequence += 1n;
          revoked.add(name);
          unheard.push(revocation(name, sequence));
        } else if (kind === "hear") {
          const news = unheard.shift();
          if (news !== undefined) {
            cache.hear(news);
            for (const { keyId } of news.revocations) heard.add(keyId);
          }
        }
        await new Promise(setImmediate);
        for (const keyId of heard) assert.equal(cache.find(keyId), undefined);
      }
    }),
    { numRuns: 200 },
  );
});

test("what is renewed is asked for anew; others of the same holder stay", async () => {
  const { cache, asked, always } = bench();
  always(() => good("key_1"));
  cache.hear({ ...quiet, sequence: 0n });
  const first = await cache.resolve("a");
  await cache.resolve("b");
  assert.notEqual(await cache.renew("a"), first);
  await cache.resolve("a");
  await cache.resolve("b");
  assert.deepEqual(asked, ["a", "b", "a"]);
  cache.hear(revocation("key_1", 1n));
  assert.equal(cache.size, 0);
});

test("a renewal that fails leaves what is known; one that is refused does not", async () => {
  const { cache, answer, always } = bench();
  cache.hear({ ...quiet, sequence: 0n });
  const resolving = cache.resolve("a");
  answer(good("key_1"));
  const known = await resolving;
  const failing = cache.renew("a");
  answer(new Error("the line is dead"));
  await assert.rejects(failing, { reason: "identity.unavailable" });
  assert.equal(cache.find("a"), known);
  always(() => ({ identity: undefined, refusal: "revoked", sequence: 0n }));
  await assert.rejects(cache.renew("a"), { reason: "identity.invalid" });
  assert.equal(cache.find("a"), undefined);
});
