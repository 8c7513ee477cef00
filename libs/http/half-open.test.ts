import assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "node:test";
import { createLog } from "../telemetry/index.ts";
import { realWorld } from "../world/index.ts";
import { createPublicServer } from "./public-server.ts";

const patienceMs = 400;
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

function frame(type: number, flags: number, given: { stream?: number; payload?: Buffer }): Buffer {
  const { stream = 0, payload = Buffer.alloc(0) } = given;
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

const hello = Buffer.concat([Buffer.from(preface), frame(4, 0, {})]);
/** `POST / HTTP/2` with `:authority: a`. */
const fields = Buffer.from([0x83, 0x86, 0x84, 0x01, 0x01, 0x61]);

/** What a client may have said when it falls silent, and leaves its connection open. */
const silences: Readonly<Record<string, string | Buffer>> = {
  "nothing at all": "",
  "half of a method": "PR",
  "the first word": "PRI ",
  "half of the preface": preface.slice(0, 18),
  "the preface alone": preface,
  "its settings": hello,
  "half of a frame": Buffer.concat([
    hello,
    frame(1, 4, { stream: 1, payload: fields }).subarray(0, 11),
  ]),
  "fields without an end": Buffer.concat([hello, frame(1, 1, { stream: 1, payload: fields })]),
  "a request without its body": Buffer.concat([hello, frame(1, 4, { stream: 1, payload: fields })]),
};

for (const isHttp2Only of [false, true]) {
  const door = isHttp2Only ? "a door for HTTP/2 alone" : "the public door";
  test(`${door} keeps no connection whose client falls silent half-way`, async (context) => {
    const server = createPublicServer({
      world: realWorld(),
      log: createLog({ level: "error", fields: {}, write: () => undefined }),
      onExchange: (exchange) => {
        exchange.readBody(1_000).then(
          () => exchange.respond(200, [], ""),
          () => undefined,
        );
      },
      fastPath: true,
      isHttp2Only,
      limits: {
        ...{ headTimeoutMs: patienceMs, idleTimeoutMs: patienceMs },
        bodyIdleTimeoutMs: patienceMs,
      },
    });
    await server.listen("tcp:127.0.0.1:0");
    context.after(() => server.close({ deadlineMs: 0 }));
    const port = Number(server.address.split(":").at(-1));
    const sockets = Object.values(silences).map((bytes) => {
      // It does not say farewell either when the server does.
      const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
      context.after(() => socket.destroy());
      socket.on("error", () => undefined);
      socket.resume();
      socket.write(bytes);
      return socket;
    });
    await Promise.all(
      sockets.map((socket) => new Promise((resolve) => socket.once("connect", resolve))),
    );
    await until(() => server.connections > 0);
    await until(() => server.connections === 0);
  });
}

async function until(isSo: () => boolean): Promise<void> {
  const endMs = performance.now() + 20_000;
  while (!isSo()) {
    assert.ok(performance.now() < endMs, "patience is up");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
