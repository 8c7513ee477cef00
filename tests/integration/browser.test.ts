/** A real browser at the public door: what pages can do with a key, and what none can with a cookie. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type Browser, findBrowser, type Page, startBrowser } from "@tandem/libs/testing";
import { freshPrompt } from "../compatibility/prompt.ts";
import {
  ask,
  askAnthropic,
  askOpenAi,
  askThroughLosses,
  cancelLine,
  converse,
  lostLine,
  realtime,
} from "./browser/in-page.ts";
import { type PageServer, startPageServer } from "./browser/page-server.ts";
import { openProduct, type Product } from "./product.ts";

const path = findBrowser();
const skip = path === undefined && "no chromium on PATH";
const routers = ["router-1", "router-2"];
const password = "correct horse battery";

describe("in a browser", { skip }, () => {
  let server: PageServer;
  let product: Product;
  let browser: Browser;
  /** By whose they are: one that is allowed, one that is not, the product's own. */
  let allowed: Page;
  let stranger: Page;
  let own: Page;

  before(async () => {
    server = await startPageServer();
    const origins = `http://127.0.0.1:${server.port}`;
    browser = await startBrowser(path ?? "");
    product = await openProduct({
      settings: { router: { cors_origins: origins }, ai: { socket: { hello: "500ms" } } },
    });
    allowed = await browser.open(origins);
    // Another host: another origin, and another site.
    stranger = await browser.open(`http://localhost:${server.port}`);
    own = await browser.open(`${product.tandem.origin}/livez`);
  });
  after(async () => {
    await browser?.close();
    await product?.close();
    await server?.close();
  });

  const place = (content: string) => {
    const { origin, apiKey: key } = product.tandem;
    return { origin, key, content };
  };
  const turn = (content: string, stream = true) => ({
    ...{ model: "mock-1", stream, messages: [{ role: "user", content }] },
  });
  const url = (of: string): string => product.tandem.origin + of;
  const socketUrl = (of: string): string => url(of).replace("http", "ws");
  const callOf = (content: string) =>
    product.engine.calls.findLast(({ bodyText }) => bodyText.includes(content));

  async function paced<Result>(tokensPerSecond: number, run: () => Promise<Result>) {
    product.engine.pace({ tokensPerSecond });
    try {
      return await run();
    } finally {
      product.engine.pace({});
    }
  }

  /** One that is not up yet is killed as soon as it is. */
  async function killRouters(): Promise<void> {
    for (const router of routers) {
      const isUp = (one: { name: string; state: string }): boolean =>
        one.name === router && one.state === "ready";
      await product.tandem.until(({ processes }) => processes.some(isUp), 60_000);
    }
    for (const router of routers) await product.tandem.kill(router);
  }

  describe("a page of an allowed origin", () => {
    test("reads whole answers, streams as they come, and every field of both", async () => {
      const { content, expected } = freshPrompt(30);
      const given = { url: url("/v1/chat/completions"), key: product.tandem.apiKey };
      const whole = await allowed.run(ask, { ...given, body: turn(content, false) });
      assert.equal(whole.status, 200, whole.text);
      assert.equal(JSON.parse(whole.text).choices[0].message.content, expected);
      assert.match(whole.fields["x-request-id"] ?? "", /^req_/);
      assert.ok(Object.keys(whole.fields).some((name) => name.startsWith("x-tandem-")));
      const next = freshPrompt(30);
      const streamed = await paced(60, () =>
        allowed.run(ask, { ...given, body: turn(next.content) }),
      );
      assert.ok(streamed.pieces > 5, `${streamed.pieces} pieces`);
      assert.ok(streamed.text.trimEnd().endsWith("data: [DONE]"), streamed.text.slice(-80));
    });

    test("reads why it is refused: status, reason, and when to come back", async () => {
      const given = { url: url("/v1/chat/completions"), body: turn(freshPrompt().content) };
      const unknown = await allowed.run(ask, { ...given, key: "sk-nobody" });
      assert.deepEqual([unknown.status, /invalid_api_key/.test(unknown.text)], [401, true]);
      const nowhere = await allowed.run(ask, { ...given, url: url("/nowhere") });
      assert.equal(nowhere.status, 404);
      const made = await product.manage("POST", "/keys", { name: "slow", scopes: ["inference"] });
      const limit = { key_id: made["id"], kind: "requests", amount: 1, window_seconds: 60 };
      await product.manage("POST", "/limits", limit);
      const asks = { ...given, key: String(made["secret"]) };
      let answer = await allowed.run(ask, asks);
      for (let more = 0; more < 6 && answer.status === 200; more += 1) {
        answer = await allowed.run(ask, { ...asks, body: turn(freshPrompt().content) });
      }
      assert.equal(answer.status, 429, answer.text);
      assert.ok(Number(answer.fields["retry-after"]) > 0);
      assert.ok(answer.fields["x-ratelimit-limit-requests"] !== undefined);
    });

    test("has OpenAI's and Anthropic's own clients, errors with their ids included", async () => {
      const { content, expected } = freshPrompt(30);
      const told = await allowed.run(askOpenAi, place(content));
      assert.equal(told.text, expected);
      const { status, code, requestId } = told.refused as Record<string, unknown>;
      assert.deepEqual([status, code], [401, "invalid_api_key"]);
      assert.match(String(requestId), /^req_/);
      const next = freshPrompt(30);
      assert.equal(await allowed.run(askAnthropic, place(next.content)), next.expected);
    });

    test("goes on with a stream whose routers are killed, by the fetch of @tandem/sdk", async () => {
      const { content, expected } = freshPrompt(120);
      await paced(60, async () => {
        const asked = allowed.run(askThroughLosses, place(content));
        await product.engine.until(() => (callOf(content)?.piecesSent ?? 0) > 20);
        await killRouters();
        const { text, retries } = await asked;
        assert.equal(text, expected);
        assert.ok(retries > 0);
      });
      const calls = product.engine.calls.filter(({ bodyText }) => bodyText.includes(content));
      assert.equal(calls.length, 1, "generated once");
    });
  });

  test("a page of another origin is told nothing, and its question reaches no gateway", async () => {
    const { content } = freshPrompt();
    const given = { url: url("/v1/chat/completions"), key: product.tandem.apiKey };
    const told = await stranger.run(ask, { ...given, body: turn(content) });
    assert.deepEqual([told.status, told.fields], [0, {}]);
    assert.equal(callOf(content), undefined);
    assert.equal((await stranger.run(ask, { url: url("/v1/models") })).status, 0);
  });

  describe("a WebSocket, whose handshake has no key in its URL", () => {
    const pages = { "the own origin": () => own, "another origin": () => stranger };
    for (const [whose, pageOf] of Object.entries(pages)) {
      test(`of ${whose} streams, cancels, and goes on after its routers were killed`, async () => {
        const byMessage = { protocols: ["tandem.chat.v1"], url: socketUrl("/v1/chat/ws") };
        const key = product.tandem.apiKey;
        const byProtocol = { ...byMessage, protocols: ["tandem.chat.v1", `tandem.key.${key}`] };
        const onOpen = [{ type: "auth", key }];
        const create = (content: string) => [
          { type: "chat.create", id: "a", request: turn(content) },
        ];
        const whole = freshPrompt(30);
        const line = await pageOf().run(converse, {
          ...byProtocol,
          onSession: create(whole.content),
        });
        assert.deepEqual(
          [line.text, line.isDone, line.protocol],
          [whole.expected, true, "tandem.chat.v1"],
        );
        await paced(60, async () => {
          const long = freshPrompt(2_000);
          const begun = { ...byMessage, onOpen, onSession: create(long.content), enough: 40 };
          await pageOf().run(converse, begun);
          const left = await pageOf().run(cancelLine, { id: "a" });
          assert.equal(left.isCanceled, true);
          await product.engine.until(() => callOf(long.content)?.state === "canceled");
        });
        await paced(60, async () => {
          const { content, expected } = freshPrompt(90);
          const begun = { ...byProtocol, onSession: create(content), enough: 40 };
          await pageOf().run(converse, begun);
          await killRouters();
          const lost = await pageOf().run(lostLine, {});
          assert.ok(lost.closedWith !== 1000 && !lost.isDone, `${lost.closedWith}`);
          const { token, last } = lost;
          const resume = { type: "session.resume", token, after: { a: last } };
          const rest = await pageOf().run(converse, { ...byProtocol, onSession: [resume] });
          assert.equal(lost.text + rest.text, expected);
          assert.equal(rest.isDone, true);
        });
      });

      test(`of ${whose} holds a Realtime conversation, and cancels`, async () => {
        const protocols = ["realtime", `openai-insecure-api-key.${product.tandem.apiKey}`];
        const given = { url: socketUrl("/v1/realtime?model=mock-1"), protocols };
        const { content, expected } = freshPrompt(30);
        const seen = await pageOf().run(realtime, { ...given, content });
        assert.deepEqual([seen.text, seen.status], [expected, "completed"]);
        assert.equal(seen.protocol, "realtime", "the key is not repeated");
        const long = freshPrompt(2_000);
        const canceled = await paced(60, () =>
          pageOf().run(realtime, { ...given, content: long.content, enough: 40 }),
        );
        assert.equal(canceled.status, "cancelled");
        await product.engine.until(() => callOf(long.content)?.state === "canceled");
      });
    }
  });

  test("the console's cookie says nothing to any page but its own, though browsers send it", async () => {
    const email = "console@example.com";
    const invited = await product.manage("POST", "/invitations", { email, role: "owner" });
    const body = { token: invited["token"], name: "Con Sole", password };
    assert.equal((await own.run(ask, { url: "/api/v1/invitations/accept", body })).status, 201);
    const opened = await own.run(ask, { url: "/api/v1/sessions", body: { email, password } });
    assert.equal(opened.status, 201, opened.text);
    assert.equal((await own.run(ask, { url: "/api/v1/me" })).status, 200);
    // Ports are of no account to cookies: the neighbour's page is of the same site.
    const neighbour = await browser.open(`http://127.0.0.1:${server.port}`);
    assert.match(server.cookies, /tandem_session=/);
    for (const [name, page] of Object.entries({ neighbour, stranger })) {
      const credentials = "include" as const;
      for (const target of ["/api/v1/me", "/v1/models"]) {
        const told = await page.run(ask, { url: url(target), credentials });
        assert.equal(told.status, 0, `${name} ${target} ${told.text}`);
      }
      const project = { url: url("/api/v1/projects"), body: { name }, credentials };
      assert.equal((await page.run(ask, project)).status, 0);
      const chat = { url: socketUrl("/v1/chat/ws"), protocols: ["tandem.chat.v1"] };
      const line = await page.run(converse, { ...chat, onSession: [] });
      assert.deepEqual([line.closedWith, line.token], [1008, ""], name);
      const given = { url: socketUrl("/v1/realtime?model=mock-1"), protocols: ["realtime"] };
      const seen = await page.run(realtime, { ...given, content: "x" });
      assert.deepEqual([seen.closedWith, seen.protocol], [1006, ""], name);
    }
    const { data } = await product.manage("GET", "/projects");
    const made = (data as { name: string }[]).map(({ name }) => name);
    assert.ok(!made.includes("neighbour") && !made.includes("stranger"), made.join());
  });
});
