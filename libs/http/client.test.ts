import assert from "node:assert/strict";
import { test } from "node:test";
import { createServer as createTls } from "node:tls";
import { selfSigned } from "../testing/index.ts";
import { createClientPool } from "./client-pool.ts";
import type { ClientPool } from "./contract.ts";
import {
  bareServer,
  callOnce,
  eventually,
  failureOf,
  openPool,
  serve,
  socketAddress,
  world,
} from "./testing/wire.ts";

test("a connection that the server closed while idle is not used again", async (context) => {
  const server = await serve(context, (exchange) => exchange.respond(200, [], "ok"), {
    idleTimeoutMs: 300,
  });
  const pool = openPool(context, server.address);
  for (let round = 0; round < 3; round += 1) {
    assert.equal((await callOnce(pool, {})).body, "ok");
    await eventually("the server closed it", () => pool.openConnections === 0);
  }
});

test("a server that says how long it waits is left a second earlier", async (context) => {
  const address = await bareServer(context, (socket) => {
    socket.write("HTTP/1.1 200 OK\r\nkeep-alive: timeout=1, max=5\r\ncontent-length: 0\r\n\r\n");
  });
  const pool = openPool(context, address);
  await callOnce(pool, {});
  await eventually("the connection was given up", () => pool.openConnections === 0);
});

test("a request that meets the server's closing can be told from one that did harm", async (context) => {
  let requests = 0;
  const address = await bareServer(context, (socket) => {
    requests += 1;
    // The second request on a connection finds the door being closed.
    if (requests % 2 === 0) socket.destroy();
    else socket.write("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
  });
  const pool = openPool(context, address);
  await callOnce(pool, {});
  const failure = await failureOf(callOnce(pool, {}));
  assert.equal(failure.reusedConnection, true);
  assert.equal(failure.headReceived, false);
  const fresh = await callOnce(pool, { freshConnection: true });
  assert.equal(fresh.status, 200);
});

test("what cannot be reached fails before the request was sent", async (context) => {
  const nobody = openPool(context, socketAddress(context));
  const unreachable = openPool(context, "tcp:127.0.0.1:1");
  for (const pool of [nobody, unreachable]) {
    const failure = await failureOf(callOnce(pool, { method: "POST", body: Buffer.from("x") }));
    assert.equal(failure.reason, "http.connect_failed");
    assert.equal(failure.requestStarted, false);
    assert.equal(failure.reusedConnection, false);
  }
});

test("calls beyond the connections wait in order, and beyond the queue fail at once", async (context) => {
  const waiting: (() => void)[] = [];
  const server = await serve(context, (exchange) => {
    waiting.push(() => exchange.respond(200, [], exchange.head.target));
  });
  const pool = openPool(context, server.address, { connections: 2, queue: 2 });
  const calls = [1, 2, 3, 4].map((number) => callOnce(pool, { target: `/${number}` }));
  const surplus = await failureOf(callOnce(pool, { target: "/5" }));
  assert.equal(surplus.reason, "http.pool_exhausted");
  const order: string[] = [];
  for (const call of calls) void call.then(({ body }) => order.push(body));
  for (let answered = 0; answered < 4; answered += 1) {
    await eventually("a request is waiting", () => waiting.length > 0);
    waiting.shift()?.();
    await eventually("it was answered", () => order.length === answered + 1);
  }
  assert.deepEqual(order.slice(2), ["/3", "/4"]);
  assert.equal(server.connections, 2);
});

test("after cancel no handler runs, and the server is told", async (context) => {
  let aborted = 0;
  const server = await serve(context, (exchange) => {
    exchange.onAbort(() => {
      aborted += 1;
    });
    exchange.startStream(200, []);
    exchange.write("first");
  });
  const pool = openPool(context, server.address);
  const events: string[] = [];
  await new Promise<void>((resolve) => {
    const call = pool.send(
      { method: "GET", target: "/", headers: [] },
      {
        onHead: () => events.push("head"),
        onChunk: () => {
          events.push("chunk");
          call.cancel();
          call.cancel();
          resolve();
        },
        onEnd: () => events.push("end"),
        onFailure: () => events.push("failure"),
      },
    );
  });
  await eventually("the server was told", () => aborted === 1);
  assert.deepEqual(events, ["head", "chunk"]);
  const early = pool.send(
    { method: "GET", target: "/", headers: [] },
    {
      onHead: () => events.push("head"),
      onChunk: () => events.push("chunk"),
      onEnd: () => events.push("end"),
      onFailure: () => events.push("failure"),
    },
  );
  early.cancel();
  await eventually("nothing is open", () => pool.openConnections === 0);
  assert.deepEqual(events, ["head", "chunk"]);
});

test("a paused answer holds the server back, and loses nothing", async (context) => {
  const total = 16 * 1024 * 1024;
  const chunk = Buffer.alloc(65_536, "x");
  let written = 0;
  const server = await serve(context, (exchange) => {
    exchange.startStream(200, []);
    const pump = (): void => {
      while (written < total) {
        written += chunk.length;
        if (exchange.write(chunk)) continue;
        exchange.onDrain(pump);
        return;
      }
      exchange.end();
    };
    pump();
  });
  const pool = openPool(context, server.address);
  let received = 0;
  let hasEnded = false;
  const call = pool.send(
    { method: "GET", target: "/", headers: [] },
    {
      onHead: () => call.pause(),
      onChunk: (piece) => {
        received += piece.length;
      },
      onEnd: () => {
        hasEnded = true;
      },
      onFailure: (failure) => assert.fail(failure.error),
    },
  );
  let before = -1;
  await eventually("the server is held back", () => {
    const isStill = written > 0 && before === written;
    before = written;
    return isStill;
  });
  assert.ok(written < 4 * 1024 * 1024, `${written}`);
  call.resume();
  await eventually("all has come", () => hasEnded);
  assert.equal(received, total);
});

test("a streamed body is sent at the server's pace, even when written before the connection stands", async (context) => {
  let received = 0;
  const server = await serve(context, (exchange) => {
    exchange.streamBody({
      onChunk: (chunk) => {
        received += chunk.length;
      },
      onEnd: () => exchange.respond(200, [], `${received}`),
    });
  });
  const pool = openPool(context, server.address);
  const total = 8 * 1024 * 1024;
  const chunk = Buffer.alloc(65_536, "x");
  let written = 0;
  const answer = await new Promise<string>((resolve, reject) => {
    const call = pool.send(
      { method: "POST", target: "/", headers: [], body: "stream" },
      {
        onHead: () => undefined,
        onChunk: (piece) => resolve(piece.toString()),
        onEnd: () => undefined,
        onFailure: (failure) => reject(failure.error),
      },
    );
    const pump = (): void => {
      while (written < total) {
        written += chunk.length;
        if (call.writeBody(chunk)) continue;
        call.onDrain(pump);
        return;
      }
      call.endBody();
    };
    pump();
  });
  assert.equal(answer, `${total}`);
});

test("an answer before the request's end is taken, and the connection is not kept", async (context) => {
  const server = await serve(context, (exchange) => exchange.respond(413, [], "enough"));
  const pool = openPool(context, server.address);
  const status = await new Promise<number>((resolve, reject) => {
    const call = pool.send(
      { method: "POST", target: "/", headers: [], body: "stream" },
      {
        onHead: (head) => resolve(head.status),
        onChunk: () => undefined,
        onEnd: () => undefined,
        onFailure: (failure) => reject(failure.error),
      },
    );
    call.writeBody(Buffer.from("the beginning"));
  });
  assert.equal(status, 413);
  await eventually("the connection is gone", () => pool.openConnections === 0);
});

test("a handler that throws gets its failure, and nobody else notices", async (context) => {
  const server = await serve(context, (exchange) => exchange.respond(200, [], "ok"));
  const pool = openPool(context, server.address);
  const error = await new Promise<Error>((resolve) => {
    pool.send(
      { method: "GET", target: "/", headers: [] },
      {
        onHead: () => {
          throw new TypeError("a bug");
        },
        onChunk: () => undefined,
        onEnd: () => undefined,
        onFailure: (failure) => resolve(failure.error),
      },
    );
  });
  assert.match(error.message, /a bug/);
  assert.equal((await callOnce(pool, {})).body, "ok");
});

test("over TLS the certificate and its name are checked", async (context) => {
  const { certificate, key } = selfSigned("upstream.test");
  const server = createTls({ cert: certificate, key }, (socket) => {
    socket.on("error", () => undefined);
    socket.on("data", () => socket.write("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nsecret"));
  });
  server.on("tlsClientError", () => undefined);
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  context.after(() => server.close());
  const bound = server.address();
  const port = typeof bound === "object" ? bound?.port : 0;
  const address = `tls:127.0.0.1:${port}`;
  const poolWith = (tls: object): ClientPool => {
    const pool = createClientPool({ address, world, tls });
    context.after(() => pool.close());
    return pool;
  };
  const trusting = poolWith({ ca: certificate, serverName: "upstream.test" });
  assert.equal((await callOnce(trusting, {})).body, "secret");
  assert.equal((await callOnce(trusting, {})).body, "secret");
  assert.equal(trusting.openConnections, 1);
  for (const tls of [
    { serverName: "upstream.test" },
    { ca: certificate, serverName: "other.test" },
  ]) {
    const failure = await failureOf(callOnce(poolWith(tls), {}));
    assert.equal(failure.reason, "http.connect_failed");
    assert.equal(failure.requestStarted, false);
  }
});
