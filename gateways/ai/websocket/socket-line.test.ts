import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { realWorld } from "@tandem/libs/world";
import { WebSocket, WebSocketServer } from "ws";
import { SocketLine, type SocketLineGiven } from "./socket-line.ts";

const answerBytes = 100_000;
/** What may lie for a client that does not read, and the answer that was one too many. */
const owedBytesMax = 262_144 + answerBytes + 10;

const limits = { messagesPerSecond: 1_000, pingMs: 60_000 };
const parts = {
  ...{ world: realWorld(), config: { socket: limits } },
} as unknown as SocketLineGiven["parts"];

/** A line whose client asks, and takes what it is told only when it is told to. */
async function openLine() {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  await once(server, "listening");
  const client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const [ws] = (await once(server, "connection")) as [WebSocket];
  await once(client, "open");
  const heard: string[] = [];
  let owed = 0;
  let onRoom: (() => void) | undefined;
  const line = new SocketLine(ws, {
    parts,
    socket: {
      sendFrame: (frame) => {
        owed += frame.length;
        return false;
      },
      onRoom: (run) => {
        onRoom = run;
      },
      hangUp: () => ws.terminate(),
    },
    onMessage: (bytes) => {
      heard.push(bytes.toString());
      line.send("x".repeat(answerBytes));
    },
    onClosing: () => undefined,
    onClosed: () => server.close(),
  });
  return {
    ...{ client, line, heard, owed: () => owed },
    take: () => {
      const run = onRoom;
      onRoom = undefined;
      owed = 0;
      run?.();
    },
  };
}

test("who does not take the answers is not asked for more, and loses nothing by it", async () => {
  const { client, heard, owed, take } = await openLine();
  const asked = Array.from({ length: 300 }, (_, at) => `${at}`);
  for (const text of asked) client.send(text);
  while (heard.length < asked.length) {
    // What it sent is there after a while; what it may not say yet would be heard by then.
    for (let turns = 0; turns < 5; turns += 1) await turn();
    assert.ok(owed() <= owedBytesMax, `${owed()} bytes lie`);
    take();
  }
  assert.deepEqual(heard, asked);
  take();
  client.close();
  await once(client, "close");
});

test("a goodbye is heard from one who was not listened to", async () => {
  const { client, line, heard } = await openLine();
  for (let at = 0; at < 10; at += 1) client.send("more");
  while (heard.length < 3) await turn();
  line.close(1012, "later");
  const [code] = await once(client, "close");
  assert.equal(code, 1012);
  assert.equal(heard.length, 3);
});
