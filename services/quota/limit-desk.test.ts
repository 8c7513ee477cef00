import assert from "node:assert/strict";
import { test } from "node:test";
import { storeFaults } from "@tandem/libs/store";
import type { HotStore } from "@tandem/libs/store/hot";
import { openHotStore } from "@tandem/libs/store/hot";
import { seededWorld } from "@tandem/libs/testing";
import type { Limit, LimitKind } from "./core/limit.ts";
import type { Subject } from "./core/subject.ts";
import { LimitDesk, type LimitRequest } from "./limit-desk.ts";
import { neverMs } from "./store/rate-counter.ts";
import { silentLog as log, subject } from "./testing/scenario.ts";

const caller = subject("org_a", { projectId: "prj_1", keyId: "key_1", model: "small" });

function limit(kind: LimitKind, amount: number, rest: Partial<Subject> = {}): Limit {
  const windowMs = kind === "concurrency" ? 0 : 60_000;
  const id = `lim_${kind}_${Object.values(rest).join("_")}`;
  const own = { version: 1n, setBy: "organisation", raise: undefined } as const;
  return { id, subject: subject("org_a", rest), kind, amount, windowMs, ...own };
}

function request(rest: Partial<LimitRequest> = {}): LimitRequest {
  return {
    holder: "ai-1",
    subject: caller,
    requestsWanted: 0,
    tokensWanted: 0,
    placesWanted: 0,
    returned: new Map(),
    held: new Map(),
    ...rest,
  };
}

interface Standing {
  isBroken: boolean;
  /** Of the service; 2. */
  replicas?: number;
}

async function openDesk(limits: readonly Limit[], broken?: Standing) {
  const { world, advance } = seededWorld("limits");
  const memory = await openHotStore("memory:", { world, log });
  const hotStore = broken === undefined ? memory : breakable(memory, broken);
  const desk = new LimitDesk({
    world,
    log,
    hotStore,
    ownStore: await openHotStore("memory:", { world, log }),
    get replicas() {
      return broken?.replicas ?? 2;
    },
    placesValidMs: 5_000,
    findLimits: async () => limits,
  });
  return { desk, advance };
}

/** The real store, whose operations fail while it is told to. */
function breakable(store: HotStore, state: { isBroken: boolean }): HotStore {
  return new Proxy(store, {
    get: (target, name, receiver) => {
      const member: unknown = Reflect.get(target, name, receiver);
      if (typeof member !== "function") return member;
      return (...given: unknown[]) => {
        if (state.isBroken) return Promise.reject(storeFaults.unavailable());
        return (member as (...all: unknown[]) => unknown).apply(target, given);
      };
    },
  });
}

function granted(answer: Awaited<ReturnType<LimitDesk["lease"]>>): readonly number[] {
  return answer.grants.map((grant) => grant.granted);
}

test("without limits there are no grants, and nothing is counted", async () => {
  const { desk } = await openDesk([limit("requests", 1, { keyId: "key_9" })]);
  assert.deepEqual(await desk.lease(request({ requestsWanted: 99 })), {
    grants: [],
    isDegraded: false,
  });
});

test("over a window no more is granted than the limit allows, to however many holders", async () => {
  const { desk, advance } = await openDesk([limit("requests", 600)]);
  let total = 0;
  for (let round = 0; round < 400; round += 1) {
    const [grant] = granted(
      await desk.lease(request({ holder: `ai-${round % 7}`, requestsWanted: 5 })),
    );
    total += grant ?? 0;
  }
  assert.equal(total, 600);
  await advance(30_000);
  for (let round = 0; round < 400; round += 1) {
    const [grant] = granted(await desk.lease(request({ requestsWanted: 5 })));
    total += grant ?? 0;
  }
  assert.equal(total, 900);
});

test("several limits grant all or none, and the refusing one says when to come again", async () => {
  const { desk } = await openDesk([
    limit("requests", 1_000),
    limit("tokens", 600, { keyId: "key_1" }),
  ]);
  const wanted = { requestsWanted: 1, tokensWanted: 600 };
  assert.deepEqual(granted(await desk.lease(request(wanted))), [1, 600]);
  const refused = await desk.lease(request(wanted));
  assert.deepEqual(granted(refused), [0, 0]);
  assert.deepEqual(
    refused.grants.map(({ retryAfterMs, remaining }) => [retryAfterMs, remaining]),
    [
      [0, 999],
      [60_000, 0],
    ],
  );
});

test("more limits than one operation can take from are still all or none", async () => {
  const many = Array.from({ length: 20 }, (_, index) => ({
    ...limit("requests", 100),
    id: `lim_${index}`,
    windowMs: 60_000 + index,
  }));
  const last = { ...limit("requests", 2), id: "lim_last" };
  const { desk } = await openDesk([...many, last]);
  const take = async () => granted(await desk.lease(request({ requestsWanted: 1 })));
  assert.ok((await take()).every((one) => one === 1));
  assert.ok((await take()).every((one) => one === 1));
  assert.ok((await take()).every((one) => one === 0));
  const { grants } = await desk.lease(request());
  assert.ok(grants.slice(0, 20).every(({ remaining }) => remaining === 98));
});

test("what is given back can be taken again", async () => {
  const { desk } = await openDesk([limit("tokens", 600)]);
  await desk.lease(request({ tokensWanted: 600 }));
  const returned = new Map([["lim_tokens_", 250]]);
  assert.deepEqual(granted(await desk.lease(request({ tokensWanted: 200, returned }))), [200]);
});

test("part of what is wanted is better than nothing", async () => {
  const { desk } = await openDesk([limit("requests", 3)]);
  assert.deepEqual(granted(await desk.lease(request({ requestsWanted: 5 }))), [3]);
});

test("what can never be had is told apart from what can be had later", async () => {
  const { desk } = await openDesk([limit("requests", 0)]);
  const { grants } = await desk.lease(request({ requestsWanted: 1 }));
  assert.deepEqual(
    grants.map(({ retryAfterMs, granted: got }) => [retryAfterMs, got]),
    [[neverMs, 0]],
  );
});

test("places are shared by all holders, and a silent holder's places come back", async () => {
  const { desk, advance } = await openDesk([limit("concurrency", 10)]);
  const take = (holder: string, placesWanted: number, held?: number) =>
    desk.lease(
      request({
        holder,
        placesWanted,
        held: held === undefined ? new Map() : new Map([["lim_concurrency_", held]]),
      }),
    );
  assert.deepEqual(granted(await take("ai-1", 6)), [6]);
  assert.deepEqual(granted(await take("ai-2", 6)), [4]);
  const full = await take("ai-2", 1, 4);
  assert.deepEqual([granted(full), full.grants[0]?.retryAfterMs], [[0], 250]);
  await advance(4_000);
  await take("ai-2", 0, 4);
  await advance(1_000);
  assert.deepEqual(granted(await take("ai-2", 20, 4)), [6]);
  assert.deepEqual(granted(await take("ai-1", 1)), [0]);
  await take("ai-2", 0, 1);
  assert.deepEqual(granted(await take("ai-1", 20, 0)), [9]);
});

test("places that were taken are left again when a rate limit refuses", async () => {
  const { desk } = await openDesk([limit("concurrency", 1), limit("requests", 1)]);
  await desk.lease(request({ requestsWanted: 1 }));
  const refused = await desk.lease(request({ requestsWanted: 1, placesWanted: 1 }));
  assert.deepEqual(granted(refused), [0, 0]);
  assert.deepEqual(granted(await desk.lease(request({ placesWanted: 1 }))), [1, 0]);
});

test("with the hot store away each replica grants its share, and says so", async () => {
  const state = { isBroken: true };
  const { desk } = await openDesk([limit("requests", 600)], state);
  let total = 0;
  for (let round = 0; round < 400; round += 1) {
    const answer = await desk.lease(request({ requestsWanted: 1 }));
    assert.ok(answer.isDegraded);
    total += granted(answer)[0] ?? 0;
  }
  assert.equal(total, 300);
  state.isBroken = false;
  assert.equal((await desk.lease(request({ requestsWanted: 1 }))).isDegraded, false);
});

test("a replica more makes every share smaller, from then on", async () => {
  const state: Standing = { isBroken: true, replicas: 2 };
  const { desk, advance } = await openDesk([limit("requests", 600)], state);
  const drain = async (): Promise<number> => {
    let total = 0;
    for (let round = 0; round < 400; round += 1) {
      total += granted(await desk.lease(request({ requestsWanted: 1 })))[0] ?? 0;
    }
    return total;
  };
  assert.equal(await drain(), 300);
  // What was granted from the larger share drains at the smaller one's rate.
  await advance(120_000);
  state.replicas = 4;
  assert.equal(await drain(), 150);
});

test("losing the hot store does not hand out the window anew", async () => {
  const state = { isBroken: false };
  const { desk } = await openDesk([limit("requests", 600)], state);
  for (let round = 0; round < 300; round += 1) await desk.lease(request({ requestsWanted: 1 }));
  state.isBroken = true;
  const answer = await desk.lease(request({ requestsWanted: 1 }));
  assert.deepEqual([granted(answer), answer.isDegraded], [[0], true]);
});

test("a raise of a limit ends by itself, with the hot store away as with it", async () => {
  for (const broken of [undefined, { isBroken: true }]) {
    const raised = limit("requests", 2);
    const raise = { amount: 40n, by: "usr_1", reason: "" };
    const { world } = seededWorld("limits");
    const untilMs = world.clock.nowMs() + 10_000;
    const { desk, advance } = await openDesk([{ ...raised, raise: { ...raise, untilMs } }], broken);
    const during = await desk.lease(request({ requestsWanted: 15 }));
    assert.equal(granted(during)[0], 15);
    assert.deepEqual(during.grants[0]?.limit.next, { atMs: untilMs, amount: 2 });
    await advance(10_000);
    // What was taken while it was raised leaks away by the limit as it is now.
    await advance(30 * 60_000);
    const after = await desk.lease(request({ requestsWanted: 15 }));
    assert.ok((granted(after)[0] ?? 0) <= 2, `${granted(after)}`);
    assert.equal(after.grants[0]?.limit.next, undefined);
  }
});

test("how full a limit is, is looked at without taking anything", async () => {
  const { desk } = await openDesk([limit("tokens", 1_000), limit("concurrency", 4)]);
  await desk.lease(request({ tokensWanted: 400, placesWanted: 3 }));
  for (let round = 0; round < 2; round += 1) {
    const { loads, isDegraded } = await desk.look([
      limit("tokens", 1_000),
      limit("concurrency", 4),
    ]);
    assert.deepEqual(
      loads.map(({ limit: { kind }, used }) => [kind, used]),
      [
        ["tokens", 400],
        ["concurrency", 3],
      ],
    );
    assert.equal(isDegraded, false);
  }
});
