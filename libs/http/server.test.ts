import assert from "node:assert/strict";
import { test } from "node:test";
import { createClientPool } from "./client-pool.ts";
import type { Exchange } from "./contract.ts";
import { createHttpServer } from "./server.ts";
import {
  callOnce,
  converse,
  eventually,
  log,
  logLines,
  open,
  serve,
  settled,
  socketAddress,
  world,
} from "./testing/wire.ts";

const get = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
const closing = "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";

function echo(exchange: Exchange): void {
  exchange.readBody(1_048_576).then(
    (body) => exchange.respond(200, [], body),
    (fault: { httpStatus: number }) => exchange.respond(fault.httpStatus, [], ""),
  );
}

test("pipelined requests are answered one after the other, in order", async (context) => {
  let underWay = 0;
  const { address } = await serve(context, (exchange) => {
    underWay += 1;
    assert.equal(underWay, 1, "one at a time");
    setTimeout(
      () => {
        underWay -= 1;
        exchange.respond(200, [], `${exchange.head.target};`);
      },
      exchange.head.target === "/1" ? 30 : 1,
    );
  });
  const requests = [1, 2, 3, 4].map((number) => `GET /${number} HTTP/1.1\r\nhost: a\r\n\r\n`);
  const answer = await converse(address, requests.join("") + closing);
  assert.deepEqual(answer.match(/\/\d?;/g), ["/1;", "/2;", "/3;", "/4;", "/;"]);
});

test("a handler hears within 50 ms that its client left", async (context) => {
  let abortedAt = 0;
  let finished = 0;
  const { address } = await serve(context, (exchange) => {
    exchange.onAbort(() => {
      abortedAt = performance.now();
    });
    exchange.onFinish(() => {
      finished += 1;
    });
  });
  const socket = open(address);
  socket.write(get);
  await new Promise((resolve) => setTimeout(resolve, 30));
  const leftAt = performance.now();
  socket.destroy();
  await eventually("the handler was told", () => abortedAt > 0);
  assert.ok(abortedAt - leftAt < 50, `${abortedAt - leftAt} ms`);
  assert.equal(finished, 1);
});

test("a body that breaks off rejects, and is not taken for a whole one", async (context) => {
  const reasons: string[] = [];
  const { address } = await serve(context, (exchange) => {
    exchange.readBody(1_000).catch((fault: { reason: string }) => reasons.push(fault.reason));
  });
  const socket = open(address);
  socket.end("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nabc");
  await eventually("the handler was told", () => reasons.length === 1);
  assert.deepEqual(reasons, ["http.client_left"]);
});

test("a slow reader holds the handler back, and gets every byte", async (context) => {
  let written = 0;
  let waits = 0;
  const total = 32 * 1024 * 1024;
  const chunk = Buffer.alloc(16_384, "x");
  const { address } = await serve(context, (exchange) => {
    exchange.startStream(200, [], { contentLength: total });
    const pump = (): void => {
      while (written < total) {
        written += chunk.length;
        if (exchange.write(chunk)) continue;
        waits += 1;
        exchange.onDrain(pump);
        return;
      }
      exchange.end();
    };
    pump();
  });
  const socket = open(address);
  context.after(() => socket.destroy());
  let read = 0;
  socket.on("data", (piece: Buffer) => {
    read += piece.length;
  });
  socket.pause();
  socket.write(get);
  await settled("what the handler gave", () => written);
  assert.ok(written < 2 * 1024 * 1024, `${written} bytes taken from the handler`);
  socket.resume();
  await eventually("all has come", () => read > total);
  assert.ok(waits > 10);
});

test("a handler that does not take its body holds the sender back", async (context) => {
  const held: Exchange[] = [];
  const { address } = await serve(context, (exchange) => held.push(exchange));
  const socket = open(address);
  context.after(() => socket.destroy());
  const total = 8 * 1024 * 1024;
  socket.write(`POST / HTTP/1.1\r\nhost: a\r\ncontent-length: ${total}\r\n\r\n`);
  socket.write(Buffer.alloc(total));
  await eventually("the request", () => held.length === 1);
  const isFlushed = new Promise((resolve) => socket.write("", resolve)).then(() => true);
  const isHeldBack = new Promise((resolve) => setTimeout(resolve, 100)).then(() => false);
  assert.equal(await Promise.race([isFlushed, isHeldBack]), false, "the body is still on its way");
  const [exchange] = held;
  let received = 0;
  let hasEnded = false;
  exchange?.streamBody({
    onChunk: (chunk) => {
      received += chunk.length;
      exchange.pauseBody();
      setImmediate(() => exchange.resumeBody());
    },
    onEnd: () => {
      hasEnded = true;
    },
  });
  await eventually("all has come", () => hasEnded);
  assert.equal(received, total);
});

test("writes of one turn leave as one chunk", async (context) => {
  const { address } = await serve(context, (exchange) => {
    exchange.startStream(200, []);
    exchange.write("one ");
    exchange.write("two");
    setImmediate(() => {
      exchange.write("three");
      exchange.end();
    });
  });
  const answer = await converse(address, closing);
  assert.match(answer, /\r\n\r\n7\r\none two\r\n5\r\nthree\r\n0\r\n\r\n$/);
});

test("a cut answer never looks whole, chunked or with a length", async (context) => {
  const { address } = await serve(context, (exchange) => {
    const contentLength = exchange.head.path === "/length" ? 10 : undefined;
    exchange.startStream(200, [], { contentLength });
    exchange.write("half");
    exchange.cut();
    exchange.write("never sent");
    exchange.end();
  });
  const chunked = await converse(address, get);
  assert.ok(chunked.endsWith("4\r\nhalf\r\n"), chunked);
  const length = await converse(address, get.replace("/ ", "/length "));
  assert.ok(length.endsWith("\r\n\r\nhalf"), length);
});

test("ending a declared answer too early is a cut", async (context) => {
  const { address } = await serve(context, (exchange) => {
    exchange.startStream(200, [], { contentLength: 10 });
    exchange.write("half");
    exchange.end();
  });
  const pool = createClientPool({ address, world });
  context.after(() => pool.close());
  await assert.rejects(callOnce(pool, {}), /connection_lost/);
});

test("answers without a body have none", async (context) => {
  const { address } = await serve(context, (exchange) => {
    const status = Number(exchange.head.path.slice(1));
    if (exchange.head.query === "stream") {
      exchange.startStream(status, []);
      exchange.write("body");
      exchange.end();
    } else {
      exchange.respond(status, [], "body");
    }
  });
  for (const query of ["", "?stream"]) {
    for (const [method, status] of [
      ["HEAD", 200],
      ["GET", 204],
      ["GET", 304],
    ] as const) {
      const request = `${method} /${status}${query} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`;
      const answer = await converse(address, request);
      assert.ok(answer.endsWith("\r\n\r\n"), answer);
      assert.equal(answer.includes("body"), false);
      if (status === 204) assert.equal(/content-length|transfer-encoding/.test(answer), false);
    }
  }
});

test("100-continue is answered when the body is asked for", async (context) => {
  const { address } = await serve(context, (exchange) => {
    if (exchange.head.path === "/no") exchange.respond(403, [], "");
    else echo(exchange);
  });
  const head = "host: a\r\nexpect: 100-continue\r\ncontent-length: 200000\r\n\r\n";
  const wanted = await converse(address, `POST / HTTP/1.1\r\n${head}`, (seen) =>
    seen.includes("\r\n\r\n"),
  );
  assert.equal(wanted, "HTTP/1.1 100 Continue\r\n\r\n");
  const unwanted = await converse(address, `POST /no HTTP/1.1\r\n${head}`);
  assert.match(unwanted, /^HTTP\/1\.1 403 .*connection: close/s);
});

test("an answer before the body's end keeps the connection only for a small rest", async (context) => {
  const { address } = await serve(context, (exchange) => {
    exchange.respond(200, [], exchange.head.path);
  });
  const small = `POST /small HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\n`;
  const socket = open(address);
  let seen = "";
  socket.on("data", (chunk: Buffer) => {
    seen += chunk.toString();
  });
  socket.write(small);
  await eventually("the answer", () => seen.includes("/small"));
  socket.write(`hello${closing}`);
  await eventually("the second answer", () => seen.split("HTTP/1.1 200").length === 3);
  socket.destroy();
  const large = "POST /large HTTP/1.1\r\nhost: a\r\ncontent-length: 10000000\r\n\r\n";
  assert.match(await converse(address, large), /connection: close\r\n\r\n\/large$/);
});

test("a handler that throws loses its own exchange only", async (context) => {
  const { address } = await serve(context, (exchange) => {
    if (exchange.head.path === "/now") throw new Error("bug-now");
    exchange.streamBody({
      onChunk: () => {
        throw new Error("bug-later");
      },
      onEnd: () => exchange.respond(200, [], ""),
    });
  });
  assert.match(await converse(address, get.replace("/ ", "/now ")), /^HTTP\/1\.1 500 /);
  const post = "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc";
  const answer = await converse(address, post);
  assert.match(answer, /^HTTP\/1\.1 500 .*connection: close/s);
  assert.equal(answer.includes("bug-later"), false);
  assert.ok(logLines.some((line) => line.includes("bug-later")));
  assert.match(await converse(address, closing), /^HTTP\/1\.1 200 /);
});

test("a value that would end its line is refused where it is written", async (context) => {
  const { address } = await serve(context, (exchange) => {
    const values = ["a\r\nset-cookie: b", "a\nb", "a\0b", "\u010a", "a\u{1f600}"];
    for (const value of values) {
      assert.throws(
        () => exchange.respond(200, [["x", value]], ""),
        /AssertionFault|holds a control/,
      );
    }
    assert.throws(() => exchange.respond(200, [["x y", "1"]], ""));
    exchange.respond(200, [], "checked");
  });
  assert.match(await converse(address, closing), /checked$/);
});

test("closing finishes what is under way, and cuts what takes too long", async (context) => {
  const held: Exchange[] = [];
  const server = await serve(context, (exchange) => held.push(exchange));
  const idle = converse(server.address, "");
  const finishing = converse(server.address, get);
  const hanging = converse(server.address, get);
  await eventually("both are under way", () => held.length === 2);
  const startedAt = performance.now();
  const closed = server.close({ deadlineMs: 300 });
  assert.equal(await idle, "");
  held[0]?.respond(200, [], "finished");
  const answers = [await finishing, await hanging];
  assert.match(answers[0] ?? "", /connection: close\r\n\r\nfinished$/);
  assert.equal(answers[1], "");
  await closed;
  assert.ok(performance.now() - startedAt >= 290);
  await assert.rejects(
    new Promise((_, reject) => open(server.address).on("error", reject)),
    /ECONNREFUSED|ENOENT/,
  );
});

test("a socket file left by a killed server is replaced, a living one is not", async (context) => {
  const address = socketAddress(context);
  const path = address.slice("unix:".length);
  const { execFileSync } = await import("node:child_process");
  const script = `require("net").createServer().listen(${JSON.stringify(path)}, () =>
    process.kill(process.pid, "SIGKILL"))`;
  assert.throws(() => execFileSync(process.execPath, ["-e", script]));
  const first = createHttpServer({ onExchange: echo, world, log });
  await first.listen(address);
  context.after(() => first.close({ deadlineMs: 0 }));
  const second = createHttpServer({ onExchange: echo, world, log });
  await assert.rejects(second.listen(address), /EADDRINUSE/);
  assert.match(await converse(address, closing), /^HTTP\/1\.1 200 /);
});
