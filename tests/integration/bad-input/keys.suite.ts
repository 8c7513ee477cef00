import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { z } from "zod";
import type { Product } from "../product.ts";
import { chatRequest, type RawAnswer, rawRequest } from "../raw-door.ts";
import { ask, assertDialectError, goodBody, leavesNoTrace } from "./checks.ts";

const keySchema = z.object({ id: z.string(), secret: z.string() });

/** Callers who may not: wrong keys, spent credit, reached limits. */
export function keysSuite(productOf: () => Product): void {
  describe("keys, credit and limits", () => {
    strangers(productOf);
    formerFriends(productOf);
    narrowKeys(productOf);
    limits(productOf);
  });
}

async function makeKey(product: Product, given: object = {}): Promise<z.infer<typeof keySchema>> {
  const made = await product.manage("POST", "/keys", { name: "of a test", ...given });
  return keySchema.parse(made);
}

let prompts = 0;

function fresh() {
  prompts += 1;
  return goodBody(`keys ${prompts} ${performance.timeOrigin}`);
}

/** Asks until the status is there, for what has to reach every gateway first. */
async function until(
  status: number,
  request: () => Promise<RawAnswer>,
  patienceMs: number,
): Promise<RawAnswer> {
  const deadlineMs = performance.now() + patienceMs;
  for (;;) {
    const answer = await request();
    if (answer.status === status) return answer;
    if (performance.now() > deadlineMs) {
      assert.fail(`still ${answer.status}, not ${status}, after ${patienceMs} ms: ${answer.body}`);
    }
  }
}

function strangers(productOf: () => Product): void {
  test("every unknown key gets the same 401, which tells nothing of the key", async () => {
    const product = productOf();
    const { apiKey } = product.tandem;
    const flipped = apiKey.slice(0, -1) + (apiKey.endsWith("a") ? "b" : "a");
    const keys = ["nonsense", flipped, `${apiKey}x`, "sk-tdm-live_", "x".repeat(5_000)];
    await leavesNoTrace(product, async () => {
      const shapes = new Set<string>();
      for (const key of keys) {
        const answer = await ask(product, goodBody(), { key });
        assertDialectError(answer, [401]);
        assert.ok(!answer.body.includes(key));
        const { error } = z
          .object({ error: z.record(z.string(), z.unknown()) })
          .parse(JSON.parse(answer.body));
        shapes.add(Object.keys(error).join());
      }
      assert.equal(shapes.size, 1);
    });
  });

  test("no key at all is 401 as well, with a word on how to send one", async () => {
    const product = productOf();
    await leavesNoTrace(product, async () => {
      const bytes = chatRequest(JSON.stringify(goodBody()));
      const answer = await rawRequest({ port: product.port, bytes });
      assertDialectError(answer, [401]);
      assert.match(answer.body, /[Aa]uthorization|API key/);
    });
  });

  test("a key that cannot be one is refused before its body is looked at", async () => {
    const product = productOf();
    await leavesNoTrace(product, async () => {
      assertDialectError(await ask(product, "not json", { key: "nonsense" }), [401]);
    });
  });
}

function formerFriends(productOf: () => Product): void {
  test("an expired key is refused with 401 from the moment it expires", async () => {
    const product = productOf();
    const expiresMs = performance.timeOrigin + performance.now() + 2_500;
    const { secret } = await makeKey(product, { expires_at: new Date(expiresMs).toISOString() });
    assert.equal((await ask(product, fresh(), { key: secret })).status, 200);
    const answer = await until(401, () => ask(product, goodBody(), { key: secret }), 5_000);
    assertDialectError(answer, [401]);
    const nowMs = performance.timeOrigin + performance.now();
    assert.ok(nowMs >= expiresMs - 50, "too early");
    assert.ok(nowMs < expiresMs + 1_000, "too late");
  });

  test("a revoked key is refused with 401 by every gateway, soon and for good", async () => {
    const product = productOf();
    const { id, secret } = await makeKey(product);
    assert.equal((await ask(product, fresh(), { key: secret })).status, 200);
    await product.manage("DELETE", `/keys/${id}`);
    const startMs = performance.now();
    await until(401, () => ask(product, fresh(), { key: secret }), 2_000);
    // The other gateway may have heard it later: from 500 ms on nobody may let it in.
    await new Promise((resolve) => {
      setTimeout(resolve, Math.max(0, 500 - (performance.now() - startMs)));
    });
    for (let call = 0; call < 20; call += 1) {
      assertDialectError(await ask(product, goodBody(), { key: secret }), [401]);
    }
  });
}

function narrowKeys(productOf: () => Product): void {
  test("a key without the scope is refused with 403, on both planes", async () => {
    const product = productOf();
    const { secret } = await makeKey(product, { scopes: ["models:read"] });
    await leavesNoTrace(product, async () => {
      assertDialectError(await ask(product, goodBody(), { key: secret }), [403]);
    });
    const response = await fetch(`${product.tandem.adminUrl}/keys`, {
      headers: { authorization: `Bearer ${product.tandem.apiKey}` },
    });
    assert.ok([403, 404].includes(response.status), String(response.status));
    assert.match(response.headers.get("content-type") ?? "", /application\/problem\+json/);
  });

  test("a key for other models is refused as if this one did not exist", async () => {
    const product = productOf();
    const { secret } = await makeKey(product, { allowed_models: ["other-*"] });
    await leavesNoTrace(product, async () => {
      assertDialectError(await ask(product, goodBody(), { key: secret }), [400, 403, 404]);
    });
  });
}

function limits(productOf: () => Product): void {
  test("a limit that is reached is a 429 that says, in whole seconds, when to come back", async () => {
    const product = productOf();
    const { id, secret } = await makeKey(product);
    const limit = { key_id: id, kind: "requests", amount: 3, window_seconds: 60 };
    await product.manage("POST", "/limits", limit);
    const statuses: number[] = [];
    let last: RawAnswer | undefined;
    for (let call = 0; call < 8; call += 1) {
      last = await ask(product, fresh(), { key: secret });
      statuses.push(last.status);
    }
    assert.ok(last);
    assertDialectError(last, [429]);
    assert.ok(statuses.filter((status) => status === 200).length <= 4, statuses.join());
    assert.match(last.headers["retry-after"] ?? "", /^([1-9]|[1-5]\d|60)$/);
    assert.ok(Number(last.headers["retry-after-ms"]) > 0);
    assert.doesNotMatch(last.body, /insufficient_quota|billing|credit balance|exceeded your/);
  });

  test("a budget that is reached is a 402 that is not worth retrying", async () => {
    const product = productOf();
    const { id, secret } = await makeKey(product);
    await product.manage("POST", "/budgets", { key_id: id, amount: "0.000001", period: "day" });
    // A gateway may still spend from a lease that is older than the budget, for as long as a lease
    // is valid (five seconds); the gateways hear of it each by itself.
    const startMs = performance.now();
    for (let inARow = 0; inARow < 12; ) {
      const { status } = await ask(product, fresh(), { key: secret });
      inARow = status === 402 ? inARow + 1 : 0;
      assert.ok(performance.now() - startMs < 10_000, "the budget never became known");
    }
    await leavesNoTrace(product, async () => {
      const answer = await ask(product, fresh(), { key: secret });
      assertDialectError(answer, [402]);
      assert.equal(answer.headers["x-should-retry"], "false");
    });
  });
}

/** To be run on a product whose wallet is empty, before anything else; fills the wallet. */
export function emptyWalletSuite(productOf: () => Product): void {
  test("without credit a paid model is refused with 402, and credit opens it at once", async () => {
    const product = productOf();
    const answer = await ask(product, fresh());
    assertDialectError(answer, [402]);
    assert.match(answer.body, /credit_balance_exhausted/);
    assert.equal(answer.headers["x-should-retry"], "false");
    assert.equal(product.engine.calls.length, 0);
    await product.manage("POST", "/credits", { amount: "100.00", reason: "test" });
    const startMs = performance.now();
    await until(200, () => ask(product, fresh()), 5_000);
    assert.ok(performance.now() - startMs < 2_000);
  });
}
