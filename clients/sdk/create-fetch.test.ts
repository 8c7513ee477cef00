import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createFetch } from "./create-fetch.ts";
import { TandemError, type TandemErrorCode } from "./faults.ts";
import type { FetchOptions, RetryNote } from "./fetch-options.ts";
import type { Surroundings } from "./surroundings.ts";

/** What was asked, as the server saw it. */
interface Asked {
  readonly url: string;
  readonly method: string;
  readonly headers: Headers;
  readonly body: string;
  readonly signal: AbortSignal | undefined;
}

type Server = (asked: Asked, nth: number) => Response | Promise<Response>;

interface Bench {
  readonly fetch: typeof fetch;
  readonly asked: Asked[];
  readonly notes: RetryNote[];
}

/** A network that is a function, and a clock that passes while somebody waits. */
function openBench(server: Server, options: FetchOptions = {}): Bench {
  const asked: Asked[] = [];
  const notes: RetryNote[] = [];
  let nowMs = 0;
  let keys = 0;
  const surroundings: Surroundings = {
    nowMs: () => nowMs,
    wallMs: () => nowMs,
    random: () => 0.5,
    newKey: () => {
      keys += 1;
      return `key-${keys}`;
    },
    after(delayMs, run) {
      // Pauses pass at once; nobody here is silent for as long as the limit.
      const timer = delayMs >= silenceMs ? undefined : setImmediate(() => pass(delayMs, run));
      return () => clearImmediate(timer);
    },
    async fetch(input, init = {}) {
      const one: Asked = {
        url: String(input),
        method: init.method ?? "GET",
        headers: new Headers(init.headers),
        body: String(init.body ?? ""),
        signal: init.signal ?? undefined,
      };
      if (one.signal?.aborted) throw one.signal.reason;
      asked.push(one);
      return server(one, asked.length - 1);
    },
  };
  const pass = (delayMs: number, run: () => void): void => {
    nowMs += delayMs;
    run();
  };
  const noting = { silenceMs, ...options, onRetry: (note: RetryNote) => notes.push(note) };
  return { fetch: createFetch(noting, surroundings), asked, notes };
}

const silenceMs = 60_000;
const url = "https://a.example/v1/chat/completions";
const post = { method: "POST", body: '{"stream":true}', headers: { authorization: "Bearer k" } };

const events = ["Bon", "jour 🚲", "!"].map((text) => JSON.stringify({ choices: [{ text }] }));
const numbered = [...events, "[DONE]"].map((data, at) => `id: ${at + 1}\ndata: ${data}\n\n`);
const whole = numbered.join("");

/** A stream of bytes that ends in order, or breaks. */
function streamOf(bytes: Uint8Array, end: "ended" | "broke"): Response {
  let isTold = false;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (!isTold && bytes.length > 0) controller.enqueue(bytes);
      else if (end === "ended") controller.close();
      else controller.error(new TypeError("terminated"));
      isTold = true;
    },
  });
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
}

function rest({ headers }: Asked): Buffer {
  return Buffer.from(numbered.slice(Number(headers.get("last-event-id") ?? 0)).join(""));
}

function json(value: object, status = 200, headers: Readonly<Record<string, string>> = {}) {
  return new Response(JSON.stringify(value), {
    status,
    headers: { "content-type": "application/json", ...headers },
  });
}

async function failure(what: Promise<unknown>): Promise<TandemError> {
  const error = await what.then(
    () => assert.fail("no error"),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof TandemError, String(error));
  return error;
}

describe("streams", () => {
  test("cut at every byte offset, in both ways, twice over: the text is the same", async () => {
    for (const how of ["broke", "ended"] as const) {
      for (let cut = 0; cut < Buffer.byteLength(whole); cut += 1) {
        const { fetch, asked } = openBench((one, nth) =>
          nth < 2 ? streamOf(rest(one).subarray(0, cut), how) : streamOf(rest(one), "ended"),
        );
        assert.equal(await (await fetch(url, post)).text(), whole, `${how} at ${cut}`);
        assert.equal(new Set(asked.map(({ headers }) => headers.get("idempotency-key"))).size, 1);
        assert.deepEqual(new Set(asked.map(({ body }) => body)), new Set([post.body]));
      }
    }
  });

  test("a site that is away for a while, or says so, is asked again", async () => {
    const { fetch, notes } = openBench((one, nth) => {
      if (nth === 0) return streamOf(rest(one).subarray(0, 60), "broke");
      if (nth === 1) throw new TypeError("fetch failed");
      if (nth === 2) return json({}, 503, { "retry-after": "2" });
      return streamOf(rest(one), "ended");
    });
    assert.equal(await (await fetch(url, post)).text(), whole);
    assert.deepEqual(
      notes.map(({ kind, after, status }) => [kind, after, status]),
      [
        ["stream", 1, undefined],
        ["stream", 1, undefined],
        ["stream", 1, 503],
      ],
    );
    assert.ok((notes[2]?.delayMs ?? 0) >= 2_000);
  });

  const lost: readonly (readonly [TandemErrorCode, string, Server])[] = [
    ["stream_gone", "an answer that is kept nowhere", () => json({}, 410)],
    [
      "stream_refused",
      "a refusal that no retry mends",
      () => json({ error: { message: "no such key" } }, 401),
    ],
    ["stream_refused", "a server that stays overloaded", () => json({}, 503)],
    [
      "stream_broken",
      "a server that stays away",
      () => {
        throw new TypeError("fetch failed");
      },
    ],
    ["stream_unfinished", "a server that ends it in order", () => streamOf(Buffer.of(), "ended")],
    [
      "stream_failed",
      "a server that says so in the stream",
      () => streamOf(Buffer.from('data: {"error":{"code":"stream_broken"}}\n\n'), "broke"),
    ],
  ];
  for (const [code, name, server] of lost) {
    test(`${name} ends it with ${code}, behind what was told, never like a whole one`, async () => {
      const { fetch } = openBench((one, nth) =>
        nth === 0 ? streamOf(rest(one).subarray(0, 120), "broke") : server(one, nth),
      );
      const response = await fetch(url, post);
      let told = "";
      const error = await failure(
        (async () => {
          for await (const bytes of response.body ?? []) told += Buffer.from(bytes).toString();
        })(),
      );
      assert.equal(error.code, code);
      assert.equal(error.idempotencyKey, "key-1");
      assert.ok(told.startsWith(numbered[0] ?? "-") && !told.includes("[DONE]"), told);
    });
  }

  test("of two sites the one that began is asked first, the other when it is lost", async () => {
    const b = "https://b.example/v1";
    const { fetch, asked } = openBench(
      (one, nth) => {
        if (nth === 0) return streamOf(rest(one).subarray(0, 120), "broke");
        if (!one.url.startsWith(b)) throw new TypeError("fetch failed");
        return streamOf(rest(one), "ended");
      },
      { baseUrls: ["https://a.example/v1/", b] },
    );
    assert.equal(await (await fetch(url, post)).text(), whole);
    const hosts = asked.map((one) => new URL(one.url).host[0]);
    assert.deepEqual(hosts, ["a", "a", "b"]);
    await (await fetch(url, post)).text();
    assert.equal(asked[3]?.url, `${b}/chat/completions`, "who answered is asked first");
  });

  test("leaving stops the server, unless the caller named the answer and may come back", async () => {
    for (const named of [false, true]) {
      const { fetch, asked } = openBench((one) => streamOf(rest(one).subarray(0, 60), "broke"));
      const headers = { ...post.headers, ...(named && { "idempotency-key": "mine" }) };
      const response = await fetch(url, { ...post, headers });
      await response.body?.cancel();
      const [, second] = asked;
      assert.equal(second?.method, named ? undefined : "DELETE");
      if (!named) assert.equal(second?.headers.get("idempotency-key"), "key-1");
      assert.ok(asked[0]?.signal?.aborted);
    }
  });

  test("aborting while the rest is waited for rejects with the caller's reason", async () => {
    const controller = new AbortController();
    const reason = new Error("enough");
    const { fetch } = openBench((one, nth) => {
      if (nth === 0) return streamOf(rest(one).subarray(0, 60), "broke");
      controller.abort(reason);
      throw new TypeError("fetch failed");
    });
    const response = await fetch(url, { ...post, signal: controller.signal });
    await assert.rejects(response.text(), reason);
  });
});

describe("whole answers", () => {
  test("a lost connection, a body that breaks and an outage are tried again, by one name", async () => {
    const { fetch, asked } = openBench((_one, nth) => {
      if (nth === 0) throw new TypeError("fetch failed");
      if (nth === 1) {
        const { body } = streamOf(Buffer.from('{"choices":['), "broke");
        return new Response(body, { headers: { "content-type": "application/json" } });
      }
      if (nth === 2) return json({}, 503);
      return json({ ok: true });
    });
    const response = await fetch(url, post);
    assert.deepEqual(await response.json(), { ok: true });
    assert.equal(asked.length, 4);
    assert.equal(new Set(asked.map(({ headers }) => headers.get("idempotency-key"))).size, 1);
  });

  test("a refusal that no retry mends comes as it is, at once", async () => {
    const { fetch, asked } = openBench(() =>
      json({ error: {} }, 402, { "x-should-retry": "false" }),
    );
    const response = await fetch(url, post);
    assert.deepEqual([response.status, await response.json()], [402, { error: {} }]);
    assert.equal(asked.length, 1);
  });

  test("one that stays comes in the end, marked so that nobody tries again", async () => {
    const { fetch, asked } = openBench(() => json({ error: {} }, 503), { attemptsMax: 3 });
    const response = await fetch(url, post);
    assert.equal(response.headers.get("x-should-retry"), "false");
    assert.deepEqual([response.status, asked.length], [503, 3]);
  });

  test("where nobody answers it rejects with `unreachable` and the last cause", async () => {
    const cause = new TypeError("fetch failed");
    const { fetch } = openBench(() => {
      throw cause;
    });
    const error = await failure(fetch(url, post));
    assert.deepEqual([error.code, error.cause, error.attempts], ["unreachable", cause, 12]);
  });

  test("aborting rejects with the caller's reason, and is not tried again", async () => {
    const controller = new AbortController();
    const { fetch, asked } = openBench(() => {
      controller.abort(new Error("enough"));
      throw new TypeError("fetch failed");
    });
    await assert.rejects(fetch(url, { ...post, signal: controller.signal }), /enough/);
    assert.deepEqual(
      asked.map(({ method }) => method),
      ["POST", "DELETE"],
    );
  });

  test("what is idempotent by its method gets no name; a Request is as good as an address", async () => {
    const { fetch, asked } = openBench((_one, nth) => (nth === 0 ? json({}, 500) : json({})));
    await fetch("https://a.example/v1/models");
    await fetch(new Request(url, { method: "POST", body: "x", headers: { a: "b" } }));
    assert.equal(asked[0]?.headers.has("idempotency-key"), false);
    assert.equal(asked[2]?.headers.get("a"), "b");
    assert.equal(asked[2]?.headers.get("idempotency-key"), "key-1");
  });

  test("a body that can be read once only is sent once only", async () => {
    const { fetch, asked } = openBench(() => json({}, 503));
    const body = new Blob(["x"]).stream();
    const once = { ...post, body, duplex: "half" as const };
    assert.equal((await fetch(url, once)).status, 503);
    assert.equal(asked.length, 1);
  });
});

test("a server that falls silent counts as lost", async () => {
  let silent: (() => void) | undefined;
  const { fetch } = (() => {
    let nth = -1;
    const surroundings: Surroundings = {
      nowMs: () => 0,
      wallMs: () => 0,
      random: () => 0,
      newKey: () => "key",
      after(delayMs, run) {
        if (delayMs === silenceMs) silent = run;
        else setImmediate(run);
        return () => undefined;
      },
      async fetch(_input, init = {}) {
        nth += 1;
        if (nth > 0) return streamOf(Buffer.from(numbered.slice(1).join("")), "ended");
        const body = new ReadableStream<Uint8Array>({
          start(controller) {
            controller.enqueue(Buffer.from(numbered[0] ?? ""));
            init.signal?.addEventListener("abort", () => controller.error(init.signal?.reason));
          },
        });
        return new Response(body, { headers: { "content-type": "text/event-stream" } });
      },
    };
    return { fetch: createFetch({ silenceMs }, surroundings) };
  })();
  const reader = (await fetch(url, post)).body?.getReader();
  let told = Buffer.from((await reader?.read())?.value ?? "").toString();
  const next = reader?.read();
  setImmediate(() => silent?.());
  told += Buffer.from((await next)?.value ?? "").toString();
  for (;;) {
    const { value, done } = (await reader?.read()) ?? { value: undefined, done: true };
    if (done) break;
    told += Buffer.from(value ?? "").toString();
  }
  assert.equal(told, whole);
});
