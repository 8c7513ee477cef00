import assert from "node:assert/strict";
import { type AddressInfo, connect } from "node:net";
import { describe, test } from "node:test";
import { createServer } from "node:tls";
import { type MockEngine, selfSigned, type Tandem } from "@tandem/libs/testing";
import OpenAI from "openai";
import { OpenAIRealtimeWS } from "openai/realtime/ws";
import { WebSocket } from "ws";
import { freshPrompt } from "../../compatibility/prompt.ts";
import { openRealtime, type Realtime } from "./realtime.ts";

interface House {
  readonly tandem: Tandem;
  readonly engine: MockEngine;
}

/** The text part of OpenAI's Realtime event model, through the public door. */
export function realtimeSuite(houseOf: () => House): void {
  const open = (options: Parameters<typeof openRealtime>[1] = {}): Promise<Realtime> => {
    const { tandem } = houseOf();
    return openRealtime(tandem.origin, { key: tandem.apiKey, ...options });
  };
  describe("/v1/realtime", () => {
    turns(open);
    interruptions(open, houseOf);
    refusals(open, houseOf);
    openaiClient(houseOf);
  });
}

type Open = (options?: Parameters<typeof openRealtime>[1]) => Promise<Realtime>;

function turns(open: Open): void {
  test("a turn is told in order, whole, with its usage, and remembered for the next one", async () => {
    const realtime = await open();
    assert.equal((await realtime.next("session.created")).session?.model, "mock-1");
    const { content, expected } = freshPrompt(12);
    realtime.say(content);
    await realtime.next("conversation.item.done");
    realtime.send({ type: "response.create" });
    const { response } = await realtime.next("response.done");
    assert.equal(realtime.text(), expected);
    assert.equal(response?.status, "completed");
    assert.equal(response?.usage?.output_tokens, 12);
    const types = realtime.events.map(({ type }) => type);
    const once = types.filter((type, at) => type !== types[at - 1]);
    assert.deepEqual(once, [
      "session.created",
      "conversation.item.added",
      "conversation.item.done",
      "response.created",
      "response.output_item.added",
      "response.content_part.added",
      "response.output_text.delta",
      "response.output_text.done",
      "response.content_part.done",
      "response.output_item.done",
      "conversation.item.added",
      "conversation.item.done",
      "response.done",
    ]);
    assert.equal(new Set(realtime.events.map((event) => event.event_id)).size, types.length);
    const answer = (await realtime.next("response.output_item.done")).item;
    realtime.send({ type: "conversation.item.retrieve", item_id: answer?.id });
    assert.equal((await realtime.next("conversation.item.retrieved")).item?.status, "completed");
    realtime.say(freshPrompt(4).content);
    realtime.send({ type: "response.create" });
    const second = (await realtime.next("response.done")).response?.usage;
    assert.ok((second?.input_tokens ?? 0) > (response?.usage?.input_tokens ?? 0) + 12);
    realtime.close();
  });

  test("instructions and limits are those of the session, or of one response", async () => {
    const realtime = await open();
    const session = { type: "realtime", instructions: "Be brief.", max_output_tokens: 5 };
    realtime.send({ type: "session.update", session });
    assert.equal((await realtime.next("session.updated")).session?.instructions, "Be brief.");
    realtime.say(freshPrompt(40).content);
    realtime.send({ type: "response.create" });
    const cut = (await realtime.next("response.done")).response;
    assert.deepEqual(
      [cut?.status, cut?.status_details?.reason],
      ["incomplete", "max_output_tokens"],
    );
    realtime.send({ type: "response.create", response: { max_output_tokens: 9 } });
    assert.equal((await realtime.next("response.done")).response?.usage?.output_tokens, 9);
    realtime.close();
  });

  test("a tool is called, and its result goes on", async () => {
    const realtime = await open();
    const parameters = { type: "object", properties: { city: { type: "string" } } };
    const tools = [{ type: "function", name: "weather", parameters }];
    realtime.send({ type: "session.update", session: { tools } });
    realtime.say(`${freshPrompt().content}: ask weather`);
    realtime.send({ type: "response.create" });
    const called = (await realtime.next("response.done")).response as unknown as {
      readonly output: readonly {
        type: string;
        name: string;
        call_id: string;
        arguments: string;
      }[];
    };
    const call = called.output.find(({ type }) => type === "function_call");
    assert.equal(call?.name, "weather");
    assert.equal(typeof JSON.parse(call?.arguments ?? ""), "object");
    const item = { type: "function_call_output", call_id: call?.call_id, output: "sunny" };
    realtime.send({ type: "conversation.item.create", item });
    realtime.send({ type: "response.create" });
    assert.equal((await realtime.next("response.done")).response?.status, "completed");
    assert.ok(realtime.text().length > 0);
    realtime.close();
  });
}

function interruptions(open: Open, houseOf: () => House): void {
  test("a response is canceled: the upstream stops, and what was said is remembered", async () => {
    const { engine } = houseOf();
    engine.pace({ tokensPerSecond: 50 });
    try {
      const realtime = await open();
      const { content } = freshPrompt(500);
      realtime.say(content);
      realtime.send({ type: "response.create" });
      await realtime.next("response.output_text.delta");
      realtime.send({ type: "response.create", event_id: "too soon" });
      const { error } = await realtime.next("error");
      assert.deepEqual([error?.code, error?.event_id], ["ai.response_active", "too soon"]);
      realtime.send({ type: "response.cancel" });
      const { response } = await realtime.next("response.done");
      assert.equal(response?.status, "cancelled");
      await engine.until((calls) =>
        calls.some(({ bodyText, state }) => bodyText.includes(content) && state === "canceled"),
      );
      realtime.send({ type: "response.cancel" });
      assert.equal((await realtime.next("error")).error?.code, "ai.no_active_response");
      realtime.close();
    } finally {
      engine.pace({});
    }
  });

  test("a response whose upstream breaks has failed, and the session goes on", async () => {
    const { engine } = houseOf();
    const realtime = await open();
    engine.always({ kind: "stop-short", afterEvents: 4 });
    try {
      realtime.say(freshPrompt(40).content);
      realtime.send({ type: "response.create" });
      const { response } = await realtime.next("response.done");
      assert.equal(response?.status, "failed");
    } finally {
      engine.always(undefined);
    }
    realtime.send({ type: "response.create" });
    assert.equal((await realtime.next("response.done")).response?.status, "completed");
    realtime.close();
  });
}

function refusals(open: Open, houseOf: () => House): void {
  test("audio, nonsense and what is not there are refused by name, and nothing changes", async () => {
    const realtime = await open();
    const audio = { type: "message", role: "user", content: [{ type: "input_audio", audio: "" }] };
    for (const [event, code] of [
      [{ type: "input_audio_buffer.append", audio: "" }, "ai.audio_unsupported"],
      [{ type: "session.update", session: { audio: {} } }, "ai.audio_unsupported"],
      [
        { type: "response.create", response: { output_modalities: ["audio"] } },
        "ai.audio_unsupported",
      ],
      [{ type: "conversation.item.create", item: audio }, "ai.audio_unsupported"],
      [{ type: "conversation.item.delete", item_id: "item_x" }, "ai.no_such_item"],
      [{ type: "conversation.item.create", item: { type: "x" } }, "ai.invalid_parameter"],
      [{ type: "no.such.event" }, "ai.invalid_parameter"],
      [[], "ai.invalid_parameter"],
    ] as const) {
      realtime.send({ ...event, event_id: "mine" });
      const { error } = await realtime.next("error");
      assert.equal(error?.code, code, JSON.stringify(event));
      assert.equal(error?.event_id, "mine");
    }
    realtime.say(freshPrompt(3).content);
    realtime.send({ type: "response.create" });
    assert.equal((await realtime.next("response.done")).response?.status, "completed");
    realtime.close();
  });

  test("a wrong key and a missing model are answered before there is a connection", async () => {
    const { tandem } = houseOf();
    const statusOf = (query: string, headers: Readonly<Record<string, string>>): Promise<number> =>
      new Promise((resolve) => {
        const url = `${tandem.origin.replace("http", "ws")}/v1/realtime${query}`;
        const socket = new WebSocket(url, { headers });
        socket.on("unexpected-response", (_request, response) => {
          resolve(response.statusCode ?? 0);
          response.resume();
          socket.terminate();
        });
        socket.on("error", () => undefined);
        socket.on("open", () => resolve(101));
      });
    const key = { authorization: `Bearer ${tandem.apiKey}` };
    assert.equal(await statusOf("?model=mock-1", {}), 401);
    assert.equal(await statusOf("?model=mock-1", { authorization: "Bearer sk-nobody" }), 401);
    assert.equal(await statusOf("", key), 422);
  });

  test("a browser says its key in a protocol, which is not repeated", async () => {
    const { tandem } = houseOf();
    const protocols = ["realtime", `openai-insecure-api-key.${tandem.apiKey}`];
    const realtime = await openRealtime(tandem.origin, { protocols });
    await realtime.next("session.created");
    realtime.close();
  });
}

/** OpenAI's own client speaks TLS only: a proxy takes that off, as one in front of it would. */
function openaiClient(houseOf: () => House): void {
  test("OpenAI's own client holds a conversation", async () => {
    const { tandem } = houseOf();
    const { certificate: cert, key } = selfSigned("localhost");
    const sockets = new Set<{ destroy(): void }>();
    const proxy = createServer({ cert, key }, (socket) => {
      const behind = connect(Number(new URL(tandem.origin).port), "127.0.0.1");
      for (const one of [socket, behind]) {
        sockets.add(one);
        one.on("error", () => undefined);
      }
      socket.pipe(behind).pipe(socket);
    });
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
    const { port } = proxy.address() as AddressInfo;
    const client = new OpenAI({ baseURL: `https://localhost:${port}/v1`, apiKey: tandem.apiKey });
    const options = { rejectUnauthorized: false };
    const realtime = new OpenAIRealtimeWS({ model: "mock-1", options }, client);
    const { content, expected } = freshPrompt(10);
    let text = "";
    try {
      const status = await new Promise((resolve, reject) => {
        realtime.on("error", reject);
        realtime.on("session.created", () => {
          const part = { type: "input_text" as const, text: content };
          const item = { type: "message" as const, role: "user" as const, content: [part] };
          realtime.send({ type: "conversation.item.create", item });
          realtime.send({ type: "response.create" });
        });
        realtime.on("response.output_text.delta", ({ delta }) => {
          text += delta;
        });
        realtime.on("response.done", ({ response }) => resolve(response.status));
      });
      assert.deepEqual([status, text], ["completed", expected]);
    } finally {
      realtime.close();
      for (const socket of sockets) socket.destroy();
      proxy.close();
    }
  });
}
