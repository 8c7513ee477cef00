import assert from "node:assert/strict";
import { get } from "node:http";
import { after, before, describe, test } from "node:test";
import { type MockEngine, mockEngine, startTandem, type Tandem } from "@tandem/libs/testing";
import { freshPrompt } from "../compatibility/prompt.ts";
import { greedySuite } from "./websocket/greedy.suite.ts";
import { rawSocket } from "./websocket/raw-socket.ts";
import { realtimeSuite } from "./websocket/realtime.suite.ts";
import { openSession, type Session } from "./websocket/session.ts";

let tandem: Tandem;
let engine: MockEngine;

before(async () => {
  engine = await mockEngine({
    profile: "deepseek",
    models: [{ id: "mock-1", contextTokens: 131_072 }],
  });
  const price = { inputPerMillion: "1", outputPerMillion: "2" };
  tandem = await startTandem({
    settings: {
      inference: { upstreams: [{ name: "mock", profile: "deepseek", baseUrl: engine.baseUrl }] },
      models: {
        models: [{ id: "mock-1", price, targets: [{ upstream: "mock", model: "mock-1" }] }],
      },
      ai: {
        socket: { pingMs: "500ms", helloMs: "500ms", messageBytes: "64KiB", callsMax: 3 },
        resume: { graceMs: "20s" },
        bodyLimitBytes: "128KiB",
      },
    },
  });
});
after(async () => {
  await tandem.stop();
  await engine.close();
});

function session(options: Parameters<typeof openSession>[1] = {}): Promise<Session> {
  return openSession(tandem.origin, { key: tandem.apiKey, ...options });
}

function turn(content: string): object {
  return { model: "mock-1", stream: true, messages: [{ role: "user", content }] };
}

async function paced<Result>(tokensPerSecond: number, run: () => Promise<Result>): Promise<Result> {
  engine.pace({ tokensPerSecond });
  try {
    return await run();
  } finally {
    engine.pace({});
  }
}

describe("conversations", () => {
  test("several at once on one connection, each with its own words and end", async () => {
    const one = await session();
    const prompts = [freshPrompt(30), freshPrompt(50), freshPrompt(10)];
    await paced(200, async () => {
      for (const [at, { content }] of prompts.entries()) one.create(`c${at}`, turn(content));
      await one.until(() => prompts.every((_, at) => one.isDone(`c${at}`)));
    });
    for (const [at, { expected }] of prompts.entries()) assert.equal(one.text(`c${at}`), expected);
    one.close();
  });

  test("one more than allowed, and a name that is taken, are refused; the others go on", async () => {
    const one = await session();
    const prompts = [freshPrompt(60), freshPrompt(60), freshPrompt(60)];
    await paced(60, async () => {
      for (const [at, { content }] of prompts.entries()) one.create(`c${at}`, turn(content));
      one.create("c3", turn("x"));
      one.create("c0", turn("x"));
      await one.until(() => one.errors.length === 2);
      assert.deepEqual(
        one.errors.map(({ error }) => error.reason),
        ["ai.socket_full", "ai.socket_name_taken"],
      );
      await one.until(() => prompts.every((_, at) => one.isDone(`c${at}`)));
    });
    for (const [at, { expected }] of prompts.entries()) assert.equal(one.text(`c${at}`), expected);
    one.close();
  });

  test("a cancelled one stops its upstream, and the connection serves the next", async () => {
    const one = await session();
    const { content } = freshPrompt(2_000);
    await paced(100, async () => {
      one.create("a", turn(content));
      await one.until(() => one.text("a").length > 20);
      one.send({ type: "chat.cancel", id: "a" });
      const call = () => engine.calls.findLast(({ bodyText }) => bodyText.includes(content));
      await engine.until(() => call()?.state === "canceled");
    });
    const next = freshPrompt(5);
    one.create("a2", turn(next.content));
    await one.until(() => one.isDone("a2"));
    assert.equal(one.text("a2"), next.expected);
    one.close();
  });

  test("what is no message of ours is told, and nothing else happens", async () => {
    const one = await session();
    for (const text of ["{", "[]", '{"type":"sing"}', '{"type":"chat.create","id":"a"}']) {
      one.sendText(text);
    }
    one.sendText('{"type":"chat.create","id":"a","request":{"model":"a","model":"b"}}');
    one.send({ type: "chat.cancel", id: "nobody" });
    await one.until(() => one.errors.length === 6);
    one.send({ type: "ping" });
    await one.until(() => one.messages.some(({ type }) => type === "pong"));
    one.close();
  });
});

describe("keys", () => {
  test("by the first message, or by a protocol as browsers can; never by the URL", async () => {
    const byMessage = await session({ key: undefined });
    byMessage.send({ type: "chat.cancel", id: "x" });
    await byMessage.until(() => byMessage.errors[0]?.error.reason === "ai.socket_needs_key");
    byMessage.send({ type: "auth", key: tandem.apiKey });
    await byMessage.until(() => byMessage.token !== "");
    byMessage.close();
    const protocols = ["tandem.chat.v1", `tandem.key.${tandem.apiKey}`];
    const byProtocol = await session({ key: undefined, protocols });
    await byProtocol.until(() => byProtocol.token !== "");
    assert.equal(byProtocol.protocol, "tandem.chat.v1");
    byProtocol.close();
    const byUrl = await openSession(`${tandem.origin}`, { query: `?key=${tandem.apiKey}` });
    assert.equal((await byUrl.closed).code, 1008);
  });

  test("a wrong key and none at all close with 1008", async () => {
    const wrong = await session({ key: "sk-nobody" });
    assert.equal((await wrong.closed).code, 1008);
    assert.equal(wrong.errors[0]?.error.code, "unauthenticated");
    const silent = await session({ key: undefined });
    assert.equal((await silent.closed).code, 1008);
  });
});

describe("a lost connection", () => {
  test("is resumed by its token from another one, without a gap or a double", async () => {
    const { content, expected } = freshPrompt(80);
    await paced(60, async () => {
      const lost = await session();
      lost.create("a", turn(content));
      await lost.until(() => lost.text("a").length > 60);
      lost.terminate();
      const next = await session();
      next.send({ type: "session.resume", token: lost.token, after: { a: lost.lastEvent("a") } });
      await next.until(() => next.isDone("a"));
      assert.equal(lost.text("a") + next.text("a"), expected);
      next.close();
    });
    const calls = engine.calls.filter(({ bodyText }) => bodyText.includes(content));
    assert.equal(calls.length, 1);
  });

  test("of a router that is killed, too", async () => {
    const { content, expected } = freshPrompt(80);
    await paced(40, async () => {
      const lost = await session();
      lost.create("a", turn(content));
      await lost.until(() => lost.text("a").length > 60);
      for (const name of ["router-1", "router-2"]) await tandem.kill(name);
      await lost.closed;
      const next = await session();
      next.send({ type: "session.resume", token: lost.token, after: { a: lost.lastEvent("a") } });
      await next.until(() => next.isDone("a"));
      assert.equal(lost.text("a") + next.text("a"), expected);
      next.close();
    });
  });

  for (const what of ["ai-gateway", "router"]) {
    test(`a ${what} that is restarted says 1012 and the token, and the stream goes on`, async () => {
      const { content, expected } = freshPrompt(80);
      await paced(40, async () => {
        const old = await session();
        old.create("a", turn(content));
        await old.until(() => old.text("a").length > 60);
        const restarts = Promise.all(
          [1, 2].map((number) => tandem.control(`restart/${what}-${number}`)),
        );
        const { code, reason } = await old.closed;
        assert.equal(code, 1012);
        assert.equal(reason, old.token);
        const next = await session();
        next.send({ type: "session.resume", token: reason, after: { a: old.lastEvent("a") } });
        await next.until(() => next.isDone("a"));
        assert.equal(old.text("a") + next.text("a"), expected);
        next.close();
        await restarts;
      });
    });
  }

  test("nobody else's token says anything", async () => {
    const one = await session();
    const token = "ses_01m8g6d93xt70ahvg47b8pxkag";
    one.send({ type: "session.resume", token, after: { a: 0 } });
    await one.until(() => one.errors[0]?.error.reason === "ai.answer_gone");
    one.close();
  });
});

describe("broken clients", () => {
  const frames: readonly (readonly [name: string, bytes: number[], code: number])[] = [
    ["an unmasked frame", [0x81, 0x02, 0x7b, 0x7d], 1002],
    ["a reserved bit", [0xc1, 0x82, 0, 0, 0, 0, 0x7b, 0x7d], 1002],
    ["a reserved opcode", [0x83, 0x80, 0, 0, 0, 0], 1002],
    ["a fragmented ping", [0x09, 0x80, 0, 0, 0, 0], 1002],
    ["a ping of 126 bytes", [0x89, 0xfe, 0, 126, 0, 0, 0, 0], 1002],
    ["a continuation of nothing", [0x80, 0x80, 0, 0, 0, 0], 1002],
    ["invalid UTF-8", [0x81, 0x82, 0, 0, 0, 0, 0xc3, 0x28], 1007],
    ["a close code that does not exist", [0x88, 0x82, 0, 0, 0, 0, 0x03, 0xec], 1002],
    ["a message of eight exbibytes", [0x81, 0xff, 0x7f, 255, 255, 255, 255, 255, 255, 255], 1009],
    ["a message over the limit", [0x81, 0xff, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0], 1009],
    ["bytes instead of text", [0x82, 0x81, 0, 0, 0, 0, 1], 1003],
  ];
  for (const [name, bytes, code] of frames) {
    test(`${name} is answered with ${code}`, async () => {
      const raw = await rawSocket(tandem.origin, { key: tandem.apiKey });
      raw.write(Buffer.from(bytes));
      assert.equal(await raw.closeCode, code);
    });
  }

  test("a message in pieces that never ends is stopped at the limit", async () => {
    const raw = await rawSocket(tandem.origin, { key: tandem.apiKey });
    const piece = Buffer.concat([
      Buffer.from([0, 0xfe, 0x7f, 0xff, 0, 0, 0, 0]),
      Buffer.alloc(0x7fff),
    ]);
    raw.write(Buffer.from([0x01, 0x81, 0, 0, 0, 0, 0x7b]));
    for (let at = 0; at < 4; at += 1) raw.write(piece);
    assert.equal(await raw.closeCode, 1009);
  });

  for (const [name, frame, more = frame] of [
    ["pings", Buffer.from([0x89, 0x80, 0, 0, 0, 0])],
    ["pongs", Buffer.from([0x8a, 0x80, 0, 0, 0, 0])],
    ["messages", Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x7b, 0x7d])],
    ["empty pieces", Buffer.from([0x01, 0x80, 0, 0, 0, 0]), Buffer.from([0, 0x80, 0, 0, 0, 0])],
  ] as const) {
    test(`a flood of ${name} closes with 1008`, async () => {
      const raw = await rawSocket(tandem.origin, { key: tandem.apiKey });
      raw.write(frame);
      raw.flood(Buffer.concat(Array.from({ length: 5_000 }, () => more)));
      assert.equal(await raw.closeCode, 1008);
    });
  }

  test("one that has silently gone is found by its missing pongs", async () => {
    const raw = await rawSocket(tandem.origin, { key: tandem.apiKey, answersPings: false });
    assert.equal(await raw.closeCode, undefined, "no goodbye for who cannot hear it");
  });

  test("one that does not read holds its upstream back until it counts as gone, and nobody else", async () => {
    const raw = await rawSocket(tandem.origin, { key: tandem.apiKey });
    raw.pause();
    const { content } = freshPrompt(60_000);
    raw.writeText(
      JSON.stringify({ type: "chat.create", id: "a", resumable: false, request: turn(content) }),
    );
    const call = () => engine.calls.findLast(({ bodyText }) => bodyText.includes(content));
    await engine.until(() => (call()?.piecesSent ?? 0) > 100);
    const other = await session();
    const quick = freshPrompt(20);
    other.create("b", turn(quick.content));
    await other.until(() => other.isDone("b"));
    assert.equal(other.text("b"), quick.expected);
    // It cannot answer pings either, so in the end it counts as gone; nothing was written for it.
    await engine.until(() => call()?.state !== "running");
    assert.equal(call()?.state, "canceled");
    raw.destroy();
    other.close();
  });
});

describe("handshakes", () => {
  const handshake = {
    connection: "Upgrade",
    upgrade: "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
  };
  const request = (headers: Readonly<Record<string, string>>, method = "GET") =>
    fetch(`${tandem.origin}/v1/chat/ws`, { method, headers });

  test("without an upgrade there is nothing here but the hint", async () => {
    for (const method of ["GET", "POST"]) {
      const answer = await request({ authorization: `Bearer ${tandem.apiKey}` }, method);
      assert.equal(answer.status, 426);
      assert.match(await answer.text(), /WebSocket/);
    }
  });

  test("a wrong version, a bad key and an unknown path are refused in HTTP", async () => {
    const statusOf = (path: string, fields: Readonly<Record<string, string>>): Promise<number> =>
      new Promise((resolve, reject) => {
        const outgoing = get(tandem.origin + path, {
          headers: { ...handshake, ...fields },
          agent: false,
        });
        outgoing.on("response", (incoming) => {
          incoming.resume();
          resolve(incoming.statusCode ?? 0);
        });
        outgoing.on("upgrade", () => reject(new Error("upgraded")));
        outgoing.on("error", reject);
      });
    assert.equal(await statusOf("/v1/chat/ws", { "sec-websocket-version": "99" }), 400);
    assert.equal(await statusOf("/v1/chat/ws", { "sec-websocket-key": "short" }), 400);
    assert.equal(await statusOf("/v1/nothing", {}), 404);
    assert.equal(await statusOf("/nothing", {}), 404);
  });

  test("a client cannot pretend to be the router", async () => {
    const answer = await request({ "x-tandem-upgrade": "websocket" });
    assert.equal(answer.status, 426);
  });
});

realtimeSuite(() => ({ tandem, engine }));
greedySuite(() => ({ tandem, engine }));
