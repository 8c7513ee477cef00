import assert from "node:assert/strict";
import {
  type ClientHttp2Session,
  connect as connectHttp2,
  constants,
  type IncomingHttpHeaders,
  type IncomingHttpStatusHeader,
} from "node:http2";
import { type TestContext, test } from "node:test";
import { selfSigned } from "../testing/index.ts";
import { createClientPool } from "./client-pool.ts";
import type { Exchange } from "./contract.ts";
import { createHttpServer, createPublicServer, type HttpServer } from "./index.ts";
import { callOnce, converse, eventually, log, open, openPool, world } from "./testing/wire.ts";

/** What every door is asked, and has to answer alike. */
function handle(exchange: Exchange): void {
  const { path, query, method, headers } = exchange.head;
  if (path === "/echo") {
    exchange.readBody(100_000).then(
      (body) => exchange.respond(200, [["x-method", method]], `${query} ${body}`),
      (fault: { httpStatus: number }) => exchange.respond(fault.httpStatus, [], "refused"),
    );
  } else if (path === "/stream") {
    exchange.startStream(200, [["x-method", method]]);
    exchange.streamBody({
      onChunk: (chunk) => exchange.write(chunk.toString().toUpperCase()),
      onEnd: () => exchange.end(),
    });
  } else if (path === "/cut") {
    exchange.startStream(200, []);
    exchange.write("half");
    setTimeout(() => exchange.cut(), 20);
  } else if (path === "/fields") {
    exchange.respond(
      200,
      [
        ["set-cookie", "a=1"],
        ["set-cookie", "b=2"],
      ],
      JSON.stringify([headers.get("x-twice"), headers.get("cookie"), headers.get("host")]),
    );
  } else if (path === "/throw") {
    throw new Error("a bug");
  } else if (path === "/hang") {
    exchange.onAbort(() => aborted.push(exchange.protocol));
  } else {
    exchange.respond(404, [], "");
  }
}

const aborted: string[] = [];

type DoorKind = "strict" | "fast" | "fast path off";

async function openDoor(context: TestContext, kind: DoorKind): Promise<HttpServer> {
  const server =
    kind === "strict"
      ? createHttpServer({ onExchange: handle, world, log })
      : createPublicServer({ onExchange: handle, world, log, fastPath: kind === "fast" });
  await server.listen("tcp:127.0.0.1:0");
  context.after(() => server.close({ deadlineMs: 0 }));
  return server;
}

for (const kind of ["strict", "fast", "fast path off"] as const) {
  test(`HTTP/1.1, ${kind}: whole, streamed, refused and cut answers`, async (context) => {
    const { address } = await openDoor(context, kind);
    const pool = openPool(context, address);
    const body = Buffer.from("abc");
    const echoed = await callOnce(pool, { method: "POST", target: "/echo?q=1", body });
    assert.equal(echoed.body, "q=1 abc");
    assert.equal(echoed.fields["x-method"], "POST");
    const tooLarge = Buffer.alloc(100_001);
    const refused = await callOnce(pool, { method: "POST", target: "/echo", body: tooLarge });
    assert.equal(refused.status, 413);
    const streamed = await callOnce(pool, { method: "POST", target: "/stream", body });
    assert.equal(streamed.body, "ABC");
    const head = await callOnce(pool, { method: "HEAD", target: "/echo" });
    assert.equal(head.body, "");
    assert.equal((await callOnce(pool, { target: "/throw" })).status, 500);
    assert.equal((await callOnce(pool, { target: "/nothing" })).status, 404);
    await assert.rejects(callOnce(pool, { target: "/cut" }), /connection_lost/);
    const fields = await callOnce(pool, {
      target: "/fields",
      headers: [
        ["x-twice", "1"],
        ["x-twice", "2"],
        ["cookie", "a=1; b=2"],
      ],
    });
    const host = address.slice("tcp:".length);
    assert.equal(fields.body, JSON.stringify(["1, 2", "a=1; b=2", host]));
  });

  test(`HTTP/1.1, ${kind}: what is ambiguous is refused and closes`, async (context) => {
    const { address } = await openDoor(context, kind);
    const heads = [
      "content-length: 3\r\ntransfer-encoding: chunked\r\nhost: a",
      "content-length: 3\r\ncontent-length: 3\r\nhost: a",
      "content-length: +3\r\nhost: a",
      "transfer-encoding: xchunked\r\nhost: a",
      "transfer-encoding : chunked\r\nhost: a",
      "host: a\r\nhost: b",
      "host: a\r\nx: 1\r\n folded",
      "host: a\r\nx: \0",
      "x: no host",
      "host: a b",
    ];
    for (const head of heads) {
      const behind = "GET /echo?smuggled HTTP/1.1\r\nhost: a\r\n\r\n";
      const seen = await converse(address, `POST /echo HTTP/1.1\r\n${head}\r\n\r\n${behind}`);
      assert.match(seen, /^HTTP\/1\.1 (400|501) /, head);
      assert.match(seen, /connection: close/i, head);
      assert.equal(seen.match(/HTTP\/1\.1 \d/g)?.length, 1, `${head}\n${seen}`);
    }
    const tooMany = `GET /echo HTTP/1.1\r\nhost: a\r\n${"x: 1\r\n".repeat(100)}\r\n`;
    assert.match(await converse(address, tooMany), /^HTTP\/1\.1 431 /);
    const tooLong = `GET /echo?${"a".repeat(9_000)} HTTP/1.1\r\nhost: a\r\n\r\n`;
    assert.match(await converse(address, tooLong), /^HTTP\/1\.1 414 /);
  });
}

for (const kind of ["fast", "fast path off"] as const) {
  test(`${kind}: odd but valid requests are served on one connection`, async (context) => {
    const { address } = await openDoor(context, kind);
    const seen = await converse(
      address,
      "GET /echo?1 HTTP/1.1\r\nhost: a\r\n\r\n" +
        "POST /echo?2 HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n" +
        "GET http://a/echo?3 HTTP/1.1\r\nhost: a\r\n\r\n" +
        "POST /echo?4 HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\nde" +
        "GET /echo?5 HTTP/1.0\r\n\r\n",
    );
    const bodies = ["1 ", "2 abc", "3 ", "4 de", "5 "];
    for (const body of bodies) assert.ok(seen.includes(`\r\n\r\n${body}`), `${body}: ${seen}`);
    assert.match(seen, /100 Continue/);
    const elsewhere = await converse(address, "GET http://b/ HTTP/1.1\r\nhost: a\r\n\r\n");
    assert.match(elsewhere, /^HTTP\/1\.1 400 /);
  });

  test(`${kind}: an answer to HTTP/1.0 that is cut is reset, not ended`, async (context) => {
    const { address } = await openDoor(context, kind);
    const socket = open(address);
    let wasReset = false;
    socket.on("error", (error: NodeJS.ErrnoException) => {
      wasReset = error.code === "ECONNRESET";
    });
    socket.resume();
    socket.write("GET /cut HTTP/1.0\r\n\r\n");
    await eventually("the connection broke", () => socket.destroyed);
    assert.equal(wasReset, true);
  });

  test(`${kind}: a head torn at any byte is handed over whole`, async (context) => {
    const { address } = await openDoor(context, kind);
    const text =
      "POST /echo?x HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n";
    await Promise.all(
      Array.from({ length: text.length - 1 }, async (_, at) => {
        const socket = open(address);
        let seen = "";
        socket.on("data", (chunk: Buffer) => {
          seen += chunk.toString();
        });
        socket.write(text.slice(0, at + 1));
        await new Promise((resolve) => setTimeout(resolve, 10));
        socket.write(text.slice(at + 1));
        await eventually("the answer", () => seen.endsWith("x a"));
        socket.destroy();
      }),
    );
  });
}

interface H2Answer {
  readonly headers: IncomingHttpHeaders & IncomingHttpStatusHeader;
  readonly body: string;
  readonly code: number | undefined;
}

function callH2(session: ClientHttp2Session, path: string, body = ""): Promise<H2Answer> {
  return new Promise((resolve) => {
    const stream = session.request({ ":path": path, ":method": body === "" ? "GET" : "POST" });
    let headers: H2Answer["headers"] = {};
    let text = "";
    stream.on("response", (given) => {
      headers = given;
    });
    stream.on("data", (chunk: Buffer) => {
      text += chunk.toString();
    });
    stream.on("error", () => undefined);
    stream.on("close", () => resolve({ headers, body: text, code: stream.rstCode }));
    if (body !== "") stream.end(body);
  });
}

async function checkH2(session: ClientHttp2Session): Promise<void> {
  assert.equal((await callH2(session, "/echo?q", "abc")).body, "q abc");
  assert.equal((await callH2(session, "/stream", "abc")).body, "ABC");
  assert.equal((await callH2(session, "/throw")).headers[":status"], 500);
  const cut = await callH2(session, "/cut");
  assert.equal(cut.body, "half");
  assert.equal(cut.code, constants.NGHTTP2_INTERNAL_ERROR);
  const fields = await callH2(session, "/fields");
  assert.deepEqual(fields.headers["set-cookie"], ["a=1", "b=2"]);
  const tooLong = await callH2(session, `/echo?${"a".repeat(9_000)}`);
  assert.equal(tooLong.headers[":status"], 414);
}

for (const kind of ["fast", "fast path off"] as const) {
  test(`HTTP/2 by prior knowledge, ${kind}`, async (context) => {
    const server = await openDoor(context, kind);
    const session = connectHttp2(server.address.replace("tcp:", "http://"));
    context.after(() => session.destroy());
    await checkH2(session);
    const before = aborted.length;
    const hanging = session.request({ ":path": "/hang" });
    hanging.on("error", () => undefined);
    await eventually("the stream is open", () => hanging.id !== undefined);
    await new Promise((resolve) => setTimeout(resolve, 20));
    hanging.close(constants.NGHTTP2_CANCEL);
    await eventually("the handler was told", () => aborted.length === before + 1);
    assert.equal(aborted.at(-1), "h2");
  });
}

test("cookies that HTTP/2 split are whole again", async (context) => {
  const server = await openDoor(context, "fast");
  const session = connectHttp2(server.address.replace("tcp:", "http://"));
  context.after(() => session.destroy());
  const stream = session.request({ ":path": "/fields", cookie: ["a=1", "b=2"] });
  let text = "";
  stream.on("data", (chunk: Buffer) => {
    text += chunk.toString();
  });
  await eventually("the answer", () => text.endsWith("]"));
  assert.equal((JSON.parse(text) as string[])[1], "a=1; b=2");
});

test("a session that opens and resets streams without end is closed; others go on", async (context) => {
  const server = await openDoor(context, "fast");
  const url = server.address.replace("tcp:", "http://");
  const attacker = connectHttp2(url);
  const bystander = connectHttp2(url);
  context.after(() => attacker.destroy());
  context.after(() => bystander.destroy());
  attacker.on("error", () => undefined);
  let streams = 0;
  while (!attacker.destroyed && !attacker.closed && streams < 5_000) {
    for (let burst = 0; burst < 50 && !attacker.destroyed && !attacker.closed; burst += 1) {
      const stream = attacker.request({ ":path": "/hang" });
      stream.on("error", () => undefined);
      stream.close(constants.NGHTTP2_CANCEL);
      streams += 1;
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.ok(streams < 1_100, `${streams} streams before the session was closed`);
  assert.equal((await callH2(bystander, "/echo?q", "abc")).body, "q abc");
});

test("TLS: HTTP/2 and HTTP/1.1 by ALPN, and a certificate renewed while running", async (context) => {
  const first = selfSigned("tandem.test");
  const server = createPublicServer({
    onExchange: handle,
    world,
    log,
    fastPath: true,
    tls: first,
  });
  await server.listen("tcp:127.0.0.1:0");
  context.after(() => server.close({ deadlineMs: 0 }));
  const session = connectHttp2(server.address.replace("tcp:", "https://"), {
    ca: first.certificate,
    servername: "tandem.test",
  });
  context.after(() => session.destroy());
  await checkH2(session);
  const address = server.address.replace("tcp:", "tls:");
  const poolWith = (ca: string) => {
    const pool = createClientPool({ address, world, tls: { ca, serverName: "tandem.test" } });
    context.after(() => pool.close());
    return pool;
  };
  const echo = { method: "POST", target: "/echo?q", body: Buffer.from("abc") };
  assert.equal((await callOnce(poolWith(first.certificate), echo)).body, "q abc");
  const second = selfSigned("tandem.test");
  server.renewCertificate(second);
  assert.equal((await callOnce(poolWith(second.certificate), echo)).body, "q abc");
  await assert.rejects(callOnce(poolWith(first.certificate), echo), /connect_failed/);
});

test("a slow head is cut off on Node's path too", async (context) => {
  const server = createPublicServer({
    onExchange: handle,
    world,
    log,
    fastPath: false,
    limits: { headTimeoutMs: 300, bodyIdleTimeoutMs: 300 },
  });
  await server.listen("tcp:127.0.0.1:0");
  context.after(() => server.close({ deadlineMs: 0 }));
  const head = converse(server.address, "GET / HTTP/1.1\r\nhost: a\r\nx: ");
  const body = converse(
    server.address,
    "POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nabc",
  );
  assert.match(await head, /^HTTP\/1\.1 408 /);
  assert.match(await body, /^HTTP\/1\.1 408 /);
});

test("a method nobody knows is 501 on Node's path too, and what is no request line 400", async (context) => {
  const server = await openDoor(context, "fast path off");
  const told = async (text: string): Promise<string> =>
    (await converse(server.address, text)).slice(0, 13);
  assert.equal(await told("BREW /pot HTTP/1.1\r\nhost: a\r\n\r\n"), "HTTP/1.1 501 ");
  assert.equal(await told("b\u0001 /pot HTTP/1.1\r\nhost: a\r\n\r\n"), "HTTP/1.1 400 ");
});

test("whose errors are fields gets them, and with them the end, for a body that does not come, too", async (context) => {
  const server = createPublicServer({
    ...{ onExchange: handle, world, log, fastPath: true, limits: { bodyIdleTimeoutMs: 300 } },
    describeRefusal: ({ reason: body }, askedAs) =>
      askedAs === "application/grpc"
        ? { contentType: askedAs, body: "", fields: [["grpc-status", "4"]] }
        : { contentType: "text/plain", body },
  });
  await server.listen("tcp:127.0.0.1:0");
  context.after(() => server.close({ deadlineMs: 0 }));
  const session = connectHttp2(server.address.replace("tcp:", "http://"));
  context.after(() => session.destroy());
  const ask = async (contentType: string): Promise<unknown> => {
    const fields = { ":method": "POST", ":path": "/echo", "content-type": contentType };
    const stream = session.request(fields, { endStream: false });
    let [status, code, isEnd]: unknown[] = [];
    stream.on("response", (told, flags) => {
      status = told[":status"];
      code = told["grpc-status"];
      isEnd = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
    });
    let text = "";
    stream.on("data", (chunk) => {
      text += String(chunk);
    });
    await new Promise((resolve) => stream.once("close", resolve));
    return { status, code, isEnd, text, reset: stream.rstCode };
  };
  assert.deepEqual(await ask("application/grpc"), {
    ...{ status: 200, code: "4", isEnd: true, text: "", reset: 0 },
  });
  const plain = { status: 408, code: undefined, isEnd: false, reset: 0 };
  assert.deepEqual(await ask("application/json"), { ...plain, text: "http.request_timeout" });
});

test("closing a public door drains every kind of connection", async (context) => {
  const server = createPublicServer({ onExchange: handle, world, log, fastPath: true });
  await server.listen("tcp:127.0.0.1:0");
  const session = connectHttp2(server.address.replace("tcp:", "http://"));
  context.after(() => session.destroy());
  assert.equal((await callH2(session, "/echo?q", "abc")).body, "q abc");
  const pool = openPool(context, server.address);
  assert.equal((await callOnce(pool, { target: "/echo?x" })).body, "x ");
  assert.equal(server.connections, 2);
  const startedAt = performance.now();
  await server.close({ deadlineMs: 5_000 });
  assert.ok(performance.now() - startedAt < 2_500);
  assert.equal(server.connections, 0);
});
