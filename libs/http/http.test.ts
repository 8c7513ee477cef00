import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { createLog } from "../telemetry/index.ts";
import { realWorld } from "../world/index.ts";
import type { AttemptFailure, ClientPool, ClientRequest, ExchangeHandler } from "./contract.ts";
import { createClientPool, createHttpServer, type HttpServer } from "./index.ts";

const world = realWorld();
const log = createLog({ level: "error", fields: {}, write: () => undefined });
const directory = mkdtempSync(join(tmpdir(), "tandem-http-"));
after(() => rmSync(directory, { recursive: true, force: true }));
let sockets = 0;

async function serve(
  onExchange: ExchangeHandler,
): Promise<{ server: HttpServer; pool: ClientPool }> {
  const server = createHttpServer({ onExchange, world, log });
  sockets += 1;
  await server.listen(`unix:${join(directory, `${sockets}.sock`)}`);
  const pool = createClientPool({ address: server.address, world });
  after(async () => {
    pool.close();
    await server.close({ deadlineMs: 100 });
  });
  return { server, pool };
}

interface Answer {
  readonly status: number;
  readonly fields: Record<string, string>;
  readonly body: string;
  readonly chunks: number;
}

function call(pool: ClientPool, request: ClientRequest): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let status = 0;
    let fields: Record<string, string> = {};
    const chunks: Buffer[] = [];
    pool.send(request, {
      onHead: (head) => {
        status = head.status;
        fields = Object.fromEntries(head.headers.entries());
      },
      onChunk: (chunk) => chunks.push(chunk),
      onEnd: () =>
        resolve({ status, fields, body: Buffer.concat(chunks).toString(), chunks: chunks.length }),
      onFailure: (failure: AttemptFailure) => reject(failure.error),
    });
  });
}

test("a whole answer comes back as it was given, over one kept connection", async () => {
  const { server, pool } = await serve((exchange) => {
    void exchange.readBody(1_000).then((body) => {
      exchange.respond(
        200,
        [["x-method", exchange.head.method]],
        `${exchange.head.target} ${body}`,
      );
    });
  });
  for (let round = 0; round < 5; round += 1) {
    const answer = await call(pool, {
      method: "POST",
      target: "/a/b?c=d",
      headers: [["content-type", "text/plain"]],
      body: Buffer.from(`round ${round}`),
    });
    assert.equal(answer.status, 200);
    assert.equal(answer.body, `/a/b?c=d round ${round}`);
    assert.equal(answer.fields["x-method"], "POST");
  }
  assert.equal(server.connections, 1);
  assert.equal(pool.openConnections, 1);
});

test("a streamed request meets a streamed answer", async () => {
  const { pool } = await serve((exchange) => {
    exchange.startStream(200, []);
    exchange.streamBody({
      onChunk: (chunk) => exchange.write(chunk.toString().toUpperCase()),
      onEnd: () => exchange.end(),
    });
  });
  const answer = await new Promise<string>((resolve, reject) => {
    const chunks: Buffer[] = [];
    const sent = pool.send(
      { method: "POST", target: "/", headers: [], body: "stream" },
      {
        onHead: () => undefined,
        onChunk: (chunk) => {
          chunks.push(chunk);
          if (chunks.length === 3) sent.endBody();
          else sent.writeBody(Buffer.from("more "));
        },
        onEnd: () => resolve(Buffer.concat(chunks).toString()),
        onFailure: (failure) => reject(failure.error),
      },
    );
    sent.writeBody(Buffer.from("first "));
  });
  assert.equal(answer, "FIRST MORE MORE ");
});

test("an answer that is cut off fails at the client, never ends", async () => {
  const { pool } = await serve((exchange) => {
    exchange.startStream(200, []);
    exchange.write("half of it");
    exchange.cut();
  });
  await assert.rejects(call(pool, { method: "GET", target: "/", headers: [] }), {
    reason: "http.connection_lost",
  });
});

test("a handler that throws is answered with 500", async () => {
  const { pool } = await serve(() => {
    throw new Error("a bug");
  });
  const answer = await call(pool, { method: "GET", target: "/", headers: [] });
  assert.equal(answer.status, 500);
  assert.equal(answer.body.includes("a bug"), false);
});

test("a server that is not there fails the attempt before the request was sent", async () => {
  const pool = createClientPool({ address: `unix:${join(directory, "nobody.sock")}`, world });
  const failure = await new Promise<AttemptFailure>((resolve) => {
    pool.send(
      { method: "GET", target: "/", headers: [] },
      {
        onHead: () => undefined,
        onChunk: () => undefined,
        onEnd: () => undefined,
        onFailure: resolve,
      },
    );
  });
  assert.equal(failure.requestStarted, false);
  assert.match(failure.error.message, /connect_failed/);
});
