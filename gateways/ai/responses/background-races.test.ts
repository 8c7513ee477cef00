import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import type { Exchange, RequestHead } from "@tandem/libs/http";
import { type HotStore, openHotStore } from "@tandem/libs/store/hot";
import { createLog } from "@tandem/libs/telemetry";
import { realWorld } from "@tandem/libs/world";
import { AnswerDesk } from "../resume/answer-desk.ts";
import { AnswerListener } from "../resume/answer-listener.ts";
import type { MadeRequest } from "../resume/kept-answer-options.ts";
import { newStreamMeta, StreamStore } from "../resume/stream-store.ts";
import { until } from "../testing/fake-platform.ts";
import { listeningExchange } from "../testing/listening-exchange.ts";
import { OpenStreams } from "../upstream/open-streams.ts";
import { cancelResponse, responseOf } from "./background-answers.ts";
import { canceledEvents, failedEvents, failureIn, isLastOfResponse } from "./background-view.ts";

const world = realWorld();
const none = (): void => undefined;
const log = createLog({ level: "error", fields: {}, write: none });
const headers = { get: () => undefined, has: () => false, entries: () => [][Symbol.iterator]() };
const path = "/v1/responses";
const head: RequestHead = {
  ...{ method: "POST", target: path, path, query: "", headers, contentLength: 0 },
};
const request: MadeRequest = {
  ...{ head, protocol: "http/1.1", remoteAddress: "", body: Buffer.from("{}") },
};
const place = { organisationId: "o", id: "r" };
const takeOversMax = 2;
const open = new Set<Exchange>();

afterEach(() => {
  for (const answer of open) answer.cut();
  open.clear();
});

/** A hot store that may be away. */
class Shared {
  isAway: boolean = false;
  readonly store: StreamStore;

  constructor(hotStore: HotStore) {
    const orAway = <Given extends unknown[], Value>(run: (...given: Given) => Promise<Value>) => {
      return (...given: Given): Promise<Value> =>
        this.isAway ? Promise.reject(new Error("away")) : run(...given);
    };
    const shared: HotStore = Object.create(hotStore);
    shared.get = orAway((key) => hotStore.get(key));
    shared.set = orAway((...given) => hotStore.set(...given));
    shared.setIfAbsent = orAway((...given) => hotStore.setIfAbsent(...given));
    shared.replaceIfEqual = orAway((...given) => hotStore.replaceIfEqual(...given));
    shared.publish = orAway((...given) => hotStore.publish(...given));
    shared.subscribe = orAway((...given) => hotStore.subscribe(...given));
    this.store = new StreamStore(shared, { ttlMs: 60_000 });
  }
}

async function newShared(): Promise<Shared> {
  return new Shared(await openHotStore("memory:", { world, log }));
}

/** A replica whose phases are played by the test. */
class Fleet {
  readonly desk: AnswerDesk;
  readonly made: Exchange[] = [];

  constructor(store: StreamStore, given: { readonly hasRequest?: boolean } = {}) {
    this.desk = new AnswerDesk({
      parts: {
        ...{ world, log, streams: new OpenStreams() },
        config: { resume: { graceMs: 0 }, streams: { drainMs: 0 } },
      },
      ...{ store, bytesMax: 100_000, canceled: canceledEvents },
      next: (answer) => {
        open.add(answer);
        this.made.push(answer);
      },
      backingOf: () => ({
        ...{ patienceMs: 5_000, takeOversMax, tooLong: { code: "long", message: "" } },
        ...{ isLast: isLastOfResponse, failed: failedEvents, failureOf: failureIn },
        onLetGo: (listener) => {
          this.desk.goOn(listener, this.#wanted, { isOrphaned: false }).catch(none);
        },
      }),
    });
    this.#wanted = {
      place,
      request: () => Promise.resolve(given.hasRequest === false ? undefined : request),
    };
  }

  readonly #wanted;

  takeOver(): Promise<boolean> {
    return this.desk.takeOver(this.#wanted);
  }

  get last(): Exchange {
    const answer = this.made.at(-1);
    assert.ok(answer !== undefined);
    return answer;
  }
}

function event(type: string, number: number, part: object = {}): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, sequence_number: number, ...part })}\n\n`;
}

const response = { id: "resp_1", object: "response", status: "queued", output: [] };
const opening =
  event("response.created", 0, { response }) + event("response.queued", 1, { response });
const begun = event("response.in_progress", 2, { response });
const completed = (number: number, by: string): string =>
  event("response.completed", number, { response: { ...response, status: "completed", by } });

const typesIn = (chunk: string): readonly string[] =>
  [...chunk.matchAll(/^event: (.*)$/gm)].map(([, type = ""]) => type);

async function begin(shared: Shared, fleet: Fleet) {
  const { told, exchange } = listeningExchange(head, typesIn);
  const meta = newStreamMeta({
    ...{ maker: "mak_a", requestId: "req_1", fingerprint: "", isFenced: true },
  });
  assert.ok(await shared.store.claim(place, meta));
  const listener = new AnswerListener(exchange, 0, { isNumbered: false });
  fleet.desk.begin({ place, meta, request, listener });
  fleet.last.startStream(200, [["content-type", "text/event-stream"]]);
  fleet.last.write(opening + begun);
  await until(() => told.length === 3);
  return { told, answer: fleet.last };
}

async function statusOf(shared: Shared): Promise<unknown> {
  return (await responseOf(shared.store, place))?.["status"];
}

test("the end wins against a cancel that comes behind it, and everybody sees the end", async () => {
  const shared = await newShared();
  const { told, answer } = await begin(shared, new Fleet(shared.store));
  answer.write(completed(3, "a"));
  answer.end();
  await until(() => told.includes("end"));
  await cancelResponse(shared.store, place);
  assert.equal(await statusOf(shared), "completed");
  assert.deepEqual(told.slice(3), ["response.completed", "end"]);
});

test("a cancel wins against an end that was not stored yet, and nobody is told the end", async () => {
  const shared = await newShared();
  const { told, answer } = await begin(shared, new Fleet(shared.store));
  await cancelResponse(shared.store, place);
  answer.write(completed(3, "a"));
  answer.end();
  await until(() => told.includes("end"));
  assert.equal(await statusOf(shared), "cancelled");
  assert.deepEqual(told.slice(3), ["response.cancelled", "end"]);
});

test("whoever makes it hears of a cancel at another replica at once, not with its next beat", async () => {
  const shared = await newShared();
  const { answer } = await begin(shared, new Fleet(shared.store));
  let isAborted: boolean = false;
  answer.onAbort(() => {
    isAborted = true;
  });
  await cancelResponse(shared.store, place);
  await until(() => isAborted);
  assert.equal((await shared.store.read(place))?.beat, 0);
});

test("who was only frozen ends nothing that was taken over, and its client is told the rest", async () => {
  const shared = await newShared();
  const { told, answer: former } = await begin(shared, new Fleet(shared.store));
  const other = new Fleet(shared.store);
  assert.equal(await other.takeOver(), true);
  const body = (await other.last.readBody(1_000)).toString();
  assert.equal(body, `{}${opening}${begun}`);
  former.write(completed(3, "a"));
  former.end();
  other.last.startStream(200, [["content-type", "text/event-stream"]]);
  other.last.write(event("response.output_text.delta", 3));
  other.last.write(completed(4, "b"));
  other.last.end();
  await until(() => told.includes("end"));
  assert.deepEqual(told.slice(3), ["response.output_text.delta", "response.completed", "end"]);
  assert.equal((await responseOf(shared.store, place))?.["by"], "b");
});

test("of many who find its maker gone one goes on, and after too many it fails by name", async () => {
  const shared = await newShared();
  await begin(shared, new Fleet(shared.store));
  const others = [new Fleet(shared.store), new Fleet(shared.store), new Fleet(shared.store)];
  const took = await Promise.all(others.map((other) => other.takeOver()));
  assert.equal(took.filter(Boolean).length, 1);
  for (let time = 1; time < takeOversMax; time += 1) await new Fleet(shared.store).takeOver();
  assert.equal(await statusOf(shared), "in_progress");
  const last = new Fleet(shared.store);
  await last.takeOver();
  assert.equal(last.made.length, 0);
  assert.equal(await statusOf(shared), "failed");
});

test("without its request nobody can go on: it fails by name instead of hanging", async () => {
  const shared = await newShared();
  await begin(shared, new Fleet(shared.store));
  await new Fleet(shared.store, { hasRequest: false }).takeOver();
  assert.equal(await statusOf(shared), "failed");
  const { error } = (await responseOf(shared.store, place)) as { error: { code: string } };
  assert.equal(error.code, "answer_lost");
});

test("a refusal of who goes on is its end with the reason, unless it may pass", async () => {
  const shared = await newShared();
  await begin(shared, new Fleet(shared.store));
  const refusal = JSON.stringify({ error: { code: "no_credit", message: "None." } });
  const other = new Fleet(shared.store);
  await other.takeOver();
  other.last.respond(503, [], refusal);
  await until(() => other.desk.size === 0);
  assert.equal((await shared.store.read(place))?.state, "left");
  await other.takeOver();
  other.last.respond(402, [], refusal);
  await until(() => other.desk.size === 0);
  assert.deepEqual((await responseOf(shared.store, place))?.["error"], {
    code: "no_credit",
    message: "None.",
  });
});

test("while the store is away nothing is told, and all of it once it is back", async () => {
  const shared = await newShared();
  const { told, answer } = await begin(shared, new Fleet(shared.store));
  shared.isAway = true;
  answer.write(event("response.output_text.delta", 3));
  answer.write(completed(4, "a"));
  answer.end();
  for (let turn = 0; turn < 50; turn += 1) await new Promise(setImmediate);
  assert.equal(told.length, 3);
  shared.isAway = false;
  await until(() => told.includes("end"));
  assert.deepEqual(told.slice(3), ["response.output_text.delta", "response.completed", "end"]);
  assert.equal(await statusOf(shared), "completed");
});
