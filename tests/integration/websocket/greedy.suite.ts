import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { MockEngine, Tandem } from "@tandem/libs/testing";
import { freshPrompt } from "../../compatibility/prompt.ts";
import { openRealtime } from "./realtime.ts";
import { openSession, type Session } from "./session.ts";

interface House {
  readonly tandem: Tandem;
  readonly engine: MockEngine;
}

/** Clients that know the protocol, and want more of a connection than it is there for. */
export function greedySuite(houseOf: () => House): void {
  const session = (key: string | undefined = houseOf().tandem.apiKey): Promise<Session> =>
    openSession(houseOf().tandem.origin, { key });
  const turn = (content: string): object => ({
    ...{ model: "mock-1", stream: true, messages: [{ role: "user", content }] },
  });

  describe("greedy clients", () => {
    test("what is wrong with a message is said shortly, however long it is", async () => {
      const one = await session();
      one.send({ type: "ping", ["x".repeat(60_000)]: 1 });
      one.send({ type: "session.resume", token: "t", after: { ["x".repeat(60_000)]: 1 } });
      await one.until(() => one.errors.length === 2);
      for (const { error } of one.errors) assert.ok(error.message.length < 300);
      one.close();
      const { origin, apiKey: key } = houseOf().tandem;
      const realtime = await openRealtime(origin, { key });
      realtime.send({ type: "response.cancel", response_id: "x".repeat(60_000) });
      realtime.send({ type: "x".repeat(60_000) });
      for (let at = 0; at < 2; at += 1) {
        const { error } = await realtime.next("error");
        assert.ok((error?.message.length ?? 0) < 300);
      }
      realtime.close();
    });

    test("more conversations than a connection can have had are not resumed", async () => {
      const one = await session();
      const after = Object.fromEntries(Array.from({ length: 13 }, (_, at) => [`c${at}`, 0]));
      one.send({ type: "session.resume", token: one.token, after });
      await one.until(() => one.errors.length === 1);
      assert.equal(one.errors[0]?.error.reason, "ai.invalid_parameter");
      one.close();
    });

    test("a second key while the first one is looked at is refused, and nothing else", async () => {
      const { tandem } = houseOf();
      const one = await openSession(tandem.origin, {});
      for (let at = 0; at < 3; at += 1) one.send({ type: "auth", key: tandem.apiKey });
      await one.until(() => one.messages.length === 3);
      assert.deepEqual(
        one.errors.map(({ error }) => error.reason),
        ["ai.socket_has_key", "ai.socket_has_key"],
      );
      one.send({ type: "ping" });
      await one.until(() => one.messages.some(({ type }) => type === "pong"));
      one.close();
    });

    for (const resumable of [true, false]) {
      const how = resumable ? "kept" : "not kept";
      test(`what is canceled in the same breath, ${how}, keeps no upstream busy`, async () => {
        const { engine } = houseOf();
        engine.pace({ tokensPerSecond: 5 });
        const one = await session();
        const contents = Array.from({ length: 20 }, () => freshPrompt(500).content);
        for (const [at, content] of contents.entries()) {
          one.send({ type: "chat.create", id: `c${at}`, resumable, request: turn(content) });
          one.send({ type: "chat.cancel", id: `c${at}` });
        }
        const isOver = (id: string): boolean =>
          one.messages.some((message) => message.type === "chat.canceled" && message.id === id);
        await one.until(() => contents.every((_, at) => isOver(`c${at}`)));
        const last = freshPrompt(1);
        one.create("last", turn(last.content));
        await one.until(() => one.isDone("last"));
        const isOurs = (text: string): boolean => contents.some((each) => text.includes(each));
        await engine.until((calls) =>
          calls.every(({ bodyText, state }) => !isOurs(bodyText) || state !== "running"),
        );
        engine.pace({});
        one.close();
      });
    }

    test("a key that is taken back is told nothing more of what it asked for", async () => {
      const { tandem } = houseOf();
      const made = await manage(tandem, "POST", "/keys", { name: "taken back" });
      const one = await session(made["secret"] ?? "");
      const { content } = freshPrompt(4);
      one.create("a", turn(content));
      await one.until(() => one.isDone("a"));
      await manage(tandem, "DELETE", `/keys/${made["id"]}`);
      const reasons = (): readonly string[] => one.errors.map(({ error }) => error.code);
      // Within the two seconds that are promised; each try may still come too soon.
      for (let tries = 0; tries < 40 && !reasons().includes("unauthenticated"); tries += 1) {
        const told = one.messages.length;
        one.send({ type: "session.resume", token: one.token, after: { a: one.lastEvent("a") } });
        await one.until(() => one.messages.length > told);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      one.create("b", turn(content));
      await one.until(() => reasons().filter((code) => code === "unauthenticated").length === 2);
      one.close();
    });

    test("a Realtime conversation grows no longer than a request may be", async () => {
      const { origin, apiKey: key } = houseOf().tandem;
      const realtime = await openRealtime(origin, { key });
      for (let at = 0; at < 3; at += 1) realtime.say("x".repeat(50_000));
      const { error } = await realtime.next("error");
      assert.equal(error?.code, "ai.conversation_full");
      const { item } = await realtime.next("conversation.item.done");
      realtime.send({ type: "conversation.item.delete", item_id: item?.id });
      await realtime.next("conversation.item.deleted");
      realtime.say("x".repeat(50_000));
      for (let at = 0; at < 2; at += 1) await realtime.next("conversation.item.done");
      realtime.close();
    });
  });
}

async function manage(
  tandem: Tandem,
  method: string,
  path: string,
  body?: object,
): Promise<Readonly<Record<string, string>>> {
  const response = await fetch(`${tandem.adminUrl}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${tandem.adminKey}`,
      "content-type": "application/json",
      "idempotency-key": crypto.randomUUID(),
    },
    ...(body && { body: JSON.stringify(body) }),
  });
  assert.ok(response.ok, `${method} ${path}: ${response.status}`);
  return (await response.json()) as Readonly<Record<string, string>>;
}
