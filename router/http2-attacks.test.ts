/**
 * What a client can do wrong in HTTP/2 itself (CVE-2019-9511 ff., CVE-2023-44487, CVE-2024-27983):
 * its connection ends, memory and processor time stay bounded, and nobody else notices.
 */
import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { httpRequest } from "@tandem/libs/testing";
import {
  frame,
  frameFlags,
  frameTypes,
  headers,
  hpackField,
  newestEntry,
  RawSession,
  requestFields,
  settings,
  uint32,
} from "./testing/raw-http2.ts";
import { eventually } from "./testing/test-router.ts";

const enhanceYourCalm = 11;
const memoryMibMax = 40;
/** Also how long neighbours wait at most, where the machine has nothing else to do. */
const cpuMsMax = 1_000;
/** The time by the clock is the machine's too: on one that is busy with other tests, seconds. */
const neighbourMsMax = 10_000;

let child: ChildProcess;
let port = 0;

before(async () => {
  child = fork(new URL("testing/attacked-router.ts", import.meta.url));
  port = await new Promise((resolve) => child.once("message", (told) => resolve(Number(told))));
  for (let call = 0; call < 20; call += 1) await neighbour();
});
after(() => child.disconnect());

async function neighbour(): Promise<number> {
  const startMs = performance.now();
  const answer = await httpRequest(`tcp:127.0.0.1:${port}`, { path: "/v1/models" });
  assert.equal(answer.status, 200);
  return performance.now() - startMs;
}

function memoryMib(): number {
  const status = readFileSync(`/proc/${child.pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1_024;
}

function cpuMs(): number {
  const stat = readFileSync(`/proc/${child.pid}/stat`, "utf8");
  const [user = 0, system = 0] = stat
    .slice(stat.lastIndexOf(")") + 2)
    .split(" ")
    .slice(11, 13)
    .map(Number);
  return (user + system) * 10;
}

/** Attacks while a neighbour calls; tells what that cost the router. */
async function under(attack: () => Promise<void>): Promise<void> {
  const [memoryBefore, cpuBefore] = [memoryMib(), cpuMs()];
  let isOver = false;
  let slowestMs = 0;
  const calls = (async () => {
    while (!isOver) slowestMs = Math.max(slowestMs, await neighbour());
  })();
  try {
    await attack();
    const cpu = cpuMs() - cpuBefore;
    const memory = memoryMib() - memoryBefore;
    assert.ok(cpu <= cpuMsMax, `${cpu} ms of processor time`);
    assert.ok(memory <= memoryMibMax, `${memory.toFixed(1)} MiB more memory`);
  } finally {
    isOver = true;
    await calls;
  }
  assert.ok(slowestMs <= neighbourMsMax, `a neighbour waited ${slowestMs} ms`);
}

function times(count: number, make: (at: number) => Buffer): Buffer {
  return Buffer.concat(Array.from({ length: count }, (_, at) => make(at)));
}

const ping = frame(frameTypes.ping, { payload: Buffer.alloc(8) });
const get = requestFields("/v1/models");
const post = requestFields("/v1/models", "POST");
const isOpen = { flags: frameFlags.endHeaders };
const isEndless = { flags: frameFlags.endStream };
const streamOf = (at: number): number => 2 * at + 1;

function openedAndReset(at: number): Buffer {
  const stream = streamOf(at);
  const payload = uint32(8);
  return Buffer.concat([headers(stream, get), frame(frameTypes.rstStream, { stream, payload })]);
}

interface Attack {
  readonly name: string;
  /** So many pieces are enough; each is written when the server has read the one before. */
  readonly pieces: number;
  readonly piece: (at: number) => Buffer;
}

/** An attack that opens something first. */
function opened(first: Buffer, rest: Buffer): (at: number) => Buffer {
  return (at) => (at === 0 ? Buffer.concat([first, rest]) : rest);
}

const attacks: readonly Attack[] = [
  {
    name: "rapid reset, all at once",
    pieces: 1,
    piece: (at) => times(400, (stream) => openedAndReset(400 * at + stream)),
  },
  {
    name: "rapid reset, a few at a time",
    pieces: 10,
    piece: (at) => times(40, (stream) => openedAndReset(40 * at + stream)),
  },
  { name: "PING, at once", pieces: 1, piece: () => times(3_000, () => ping) },
  { name: "PING, each answered", pieces: 20, piece: () => times(400, () => ping) },
  { name: "SETTINGS, at once", pieces: 1, piece: () => times(3_000, () => settings([4, 65_535])) },
  {
    name: "SETTINGS, each confirmed",
    pieces: 20,
    piece: () => times(400, (at) => settings([4, 65_535 - at])),
  },
  {
    name: "PRIORITY of streams that nobody opened",
    pieces: 2,
    piece: (at) =>
      times(4_000, (stream) =>
        frame(frameTypes.priority, {
          ...{ stream: streamOf(4_000 * at + stream), payload: Buffer.alloc(5) },
        }),
      ),
  },
  {
    name: "WINDOW_UPDATE, one byte at a time",
    pieces: 3,
    piece: () => times(4_000, () => frame(frameTypes.windowUpdate, { payload: uint32(1) })),
  },
  { name: "frames of no known type", pieces: 3, piece: () => times(4_000, () => frame(0xee)) },
  {
    name: "CONTINUATION without an end",
    pieces: 1,
    piece: opened(
      headers(1, get, isEndless),
      times(100, () =>
        frame(frameTypes.continuation, { stream: 1, payload: hpackField("x-more", "y") }),
      ),
    ),
  },
  {
    name: "empty CONTINUATION",
    pieces: 1,
    piece: opened(
      headers(1, get, isEndless),
      times(1_000, () => frame(frameTypes.continuation, { stream: 1 })),
    ),
  },
  {
    name: "an HPACK bomb: 4 MiB of fields in each KiB",
    pieces: 10,
    piece: (at) =>
      at === 0
        ? headers(1, Buffer.concat([get, hpackField("x", "b".repeat(3_900), { isKept: true })]))
        : headers(streamOf(at), Buffer.concat([get, Buffer.alloc(16_000, newestEntry)])),
  },
  {
    name: "lists of fields beyond the limit",
    pieces: 5,
    piece: (at) =>
      Buffer.concat([
        headers(streamOf(at), Buffer.concat([get, hpackField("a", "a".repeat(15_000))]), isEndless),
        frame(frameTypes.continuation, {
          ...{ stream: streamOf(at), flags: frameFlags.endHeaders },
          payload: hpackField("b", "b".repeat(15_000)),
        }),
      ]),
  },
  {
    name: "empty DATA",
    pieces: 1,
    piece: opened(
      headers(1, post, isOpen),
      times(200, () => frame(frameTypes.data, { stream: 1 })),
    ),
  },
  {
    name: "DATA of one byte",
    pieces: 5,
    piece: opened(
      headers(1, post, isOpen),
      times(4_000, () => frame(frameTypes.data, { stream: 1, payload: Buffer.from("x") })),
    ),
  },
  {
    name: "more streams than may be open",
    pieces: 1,
    piece: (at) => times(400, (stream) => headers(streamOf(400 * at + stream), post, isOpen)),
  },
];

for (const { name, pieces, piece } of attacks) {
  test(`${name}: the session ends with ENHANCE_YOUR_CALM, and nobody else notices`, async () => {
    await under(async () => {
      const session = RawSession.open(port);
      for (let at = 0; at < pieces; at += 1) await session.writeAndWait(piece(at));
      await eventually("the session ends", () => session.isClosed);
      assert.equal(session.goAwayCode, enhanceYourCalm);
    });
  });
}

test("each of them without end: nothing is read of it for longer than a moment", async () => {
  for (const { name, piece } of attacks) {
    await under(async () => {
      const session = RawSession.open(port);
      await session.flood(piece, 5_000);
      assert.ok(session.isClosed, name);
    });
  }
});

test("readers who open no window cost little: what they asked for waits where it is made", async () => {
  const noWindow = settings([4, 0]);
  await under(async () => {
    const sessions = Array.from({ length: 4 }, () => RawSession.open(port, noWindow));
    for (const session of sessions) {
      await session.writeAndWait(
        times(50, (at) => headers(streamOf(at), requestFields("/v1/endless"))),
      );
    }
    await eventually("all are answered", () =>
      sessions.every((session) => session.count(frameTypes.headers) === 50),
    );
    for (const session of sessions) {
      assert.equal(session.dataBytes, 0);
      session.socket.destroy();
    }
  });
});
