import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import type { Exchange } from "./contract.ts";
import { createPublicServer } from "./public-server.ts";
import { eventually, log, open, socketAddress, world } from "./testing/wire.ts";

const get = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";

test("a server that leaves closes no connection on a client that was not told", async (context) => {
  const answers: Exchange[] = [];
  const onExchange = (exchange: Exchange): void => {
    answers.push(exchange);
    if (answers.length > 1) exchange.respond(200, [], "second");
    else exchange.startStream(200, [], {});
  };
  const server = createPublicServer({ onExchange, world, log, fastPath: true });
  await server.listen(socketAddress(context));
  const socket = open(server.address).setEncoding("utf8");
  let seen = "";
  socket.on("data", (text: string) => {
    seen += text;
  });
  socket.write(get);
  await eventually("the stream begins", () => answers.length === 1 && seen.includes("200 OK"));
  server.announceEnd();
  const announcedMs = performance.now();
  await eventually("a second passes", () => performance.now() - announcedMs > 1_050);
  const closed = server.close({ deadlineMs: 30_000 });
  answers[0]?.write(Buffer.from("first"));
  answers[0]?.end();
  await eventually("the stream ends", () => seen.endsWith("0\r\n\r\n"));
  assert.doesNotMatch(seen, /connection: close/i);
  socket.write(get);
  await once(socket, "end");
  assert.match(seen, /connection: close\r\n[\s\S]*second$/i);
  socket.end();
  await closed;
});

const chunked =
  "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n";

for (const [shape, request] of [
  ["the strict reader", get],
  ["Node's", chunked],
] as const) {
  test(`an idle connection of ${shape} is told, or stays until somebody is in a hurry`, async (context) => {
    const server = createPublicServer({
      onExchange: (exchange) => {
        void exchange.readBody(1_000).then(() => exchange.respond(200, [], "whole"));
      },
      ...{ world, log, fastPath: true },
    });
    await server.listen(socketAddress(context));
    const clients = await Promise.all(
      ["speaks again", "says nothing more"].map(() => idleClient()),
    );
    server.announceEnd();
    const announcedMs = performance.now();
    await eventually("a second passes", () => performance.now() - announcedMs > 1_050);
    const closed = server.close({ deadlineMs: 30_000 });
    const closedMs = performance.now();
    await eventually("a few sweeps pass", () => performance.now() - closedMs > 600);
    const [talker, other] = clients;
    assert.ok(talker !== undefined && other !== undefined);
    assert.deepEqual([talker.hasEnded, other.hasEnded], [false, false]);
    talker.socket.write(request);
    await eventually("it is told", () => talker.hasEnded);
    assert.match(talker.seen, /whole[\s\S]*connection: close[\s\S]*whole/i);
    assert.equal(other.hasEnded, false);
    server.hurry();
    await eventually("the other one ends", () => other.hasEnded);
    for (const { socket } of clients) socket.end();
    await closed;

    async function idleClient() {
      const client = {
        socket: open(server.address).setEncoding("utf8"),
        seen: "",
        hasEnded: false,
      };
      client.socket.on("data", (text: string) => {
        client.seen += text;
      });
      client.socket.on("end", () => {
        client.hasEnded = true;
      });
      client.socket.write(request);
      await eventually("it is answered", () => client.seen.endsWith("whole"));
      return client;
    }
  });
}
