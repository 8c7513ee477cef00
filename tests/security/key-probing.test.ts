/** B10: what can be learnt by trying keys. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { apiKeyChecksum, formApiKey, hasApiKeyForm } from "@tandem/libs/gateway";
import { seededRandom } from "@tandem/libs/testing";
import fc from "fast-check";
import { type AccessHouse, openAccessHouse, setUp } from "../integration/access-house.ts";

let house: AccessHouse;
let adminKey: string;

before(async () => {
  house = await openAccessHouse();
  ({ adminKey } = await setUp(house));
});

after(() => house.close());

const random = seededRandom("key probing");
const unknownKey = (): string => formApiKey("live", random.bytes);

/** With an address of its own each time, so that no guess is held up for another one. */
let address = 0;
function tryKey(key: string, from?: string) {
  address += 1;
  const own = `2001:db8::${address.toString(16)}`;
  const headers = { authorization: `Bearer ${key}`, "x-forwarded-for": from ?? own };
  return house.ask({ path: "/api/v1/projects", headers });
}

describe("the form of a key", () => {
  test("every key made has it, and no key with one character changed", () => {
    const bytes = fc.uint8Array({ minLength: 60, maxLength: 60 });
    fc.assert(
      fc.property(bytes, fc.nat(), fc.stringMatching(/^[0-9A-Za-z]$/), (seed, at, character) => {
        let offset = 0;
        const key = formApiKey("test", (length) => {
          offset += length;
          return Uint8Array.from({ length }, (_, index) => seed[(offset + index) % 60] ?? 0).map(
            (byte) => byte % 248,
          );
        });
        assert.ok(hasApiKeyForm(key));
        assert.equal(key.length, "sk-tdm-test_".length + 36);
        assert.equal(apiKeyChecksum(key.slice(0, -6)), key.slice(-6));
        const place = "sk-tdm-test_".length + (at % 36);
        const changed = key.slice(0, place) + character + key.slice(place + 1);
        assert.equal(hasApiKeyForm(changed), changed === key);
      }),
    );
  });
});

describe("trying keys", () => {
  test("all kinds of wrong keys get the same answer", async () => {
    const wrong = [
      "garbage",
      "sk-tdm-live_",
      "sk-other-live_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
      `${adminKey.slice(0, -1)}${adminKey.endsWith("x") ? "y" : "x"}`,
      adminKey.toLowerCase(),
      `${adminKey}A`,
      unknownKey(),
    ];
    const answers = new Set<string>();
    for (const key of wrong) {
      const refused = await tryKey(key);
      assert.equal(refused.status, 401, key);
      answers.add(refused.text.replace(/req_\w+/, ""));
    }
    assert.equal(answers.size, 1);
    assert.ok(![...answers].some((text) => text.includes("sk-tdm-live_")));
  });

  test("an address that tries unknown keys is held up; a good key from there is not", async () => {
    const from = "198.51.100.77";
    await tryKey(adminKey, from);
    let heldUp: number | undefined;
    for (let guess = 0; guess < 120 && heldUp === undefined; guess += 1) {
      const answer = await tryKey(unknownKey(), from);
      if (answer.status === 429) heldUp = Number(answer.headers["retry-after"]);
      else assert.equal(answer.status, 401);
    }
    assert.ok((heldUp ?? 0) >= 1);
    const broken = "198.51.100.79";
    const old = unknownKey();
    for (let repeat = 0; repeat < 120; repeat += 1) {
      assert.equal((await tryKey(old, broken)).status, 401, "one broken program is no guesser");
    }
    assert.equal((await tryKey(adminKey, from)).status, 200);
    assert.equal((await tryKey(unknownKey(), "198.51.100.78")).status, 401);
  });

  test("the time of a refusal says nothing of how near a guess was", async (context) => {
    const near: number[] = [];
    const far: number[] = [];
    const body = adminKey.slice(0, 40);
    for (let pair = 0; pair < 600; pair += 1) {
      // All but the last two random characters are those of a real key.
      const tail = unknownKey().slice(12, 14);
      const guess = body + tail + apiKeyChecksum(body + tail);
      for (const [times, key] of pair % 2
        ? ([
            [near, guess],
            [far, unknownKey()],
          ] as const)
        : ([
            [far, unknownKey()],
            [near, guess],
          ] as const)) {
        const startedMs = performance.now();
        const { status } = await tryKey(key);
        times.push(performance.now() - startedMs);
        if (status !== 401) assert.equal(key, adminKey);
      }
    }
    const t = welch(trimmed(near), trimmed(far));
    context.diagnostic(`Welch's t over ${near.length} pairs: ${t.toFixed(2)}`);
    assert.ok(Math.abs(t) < 4.5, `t = ${t}`);
  });

  test("no log line has a key in it", () => {
    const secret = adminKey.slice(12);
    assert.ok(!JSON.stringify(house.logLines).includes(secret));
  });
});

/** Without the slowest tenth: pauses of the machine, not of the code. */
function trimmed(values: readonly number[]): readonly number[] {
  return [...values].sort((left, right) => left - right).slice(0, Math.floor(values.length * 0.9));
}

function welch(one: readonly number[], other: readonly number[]): number {
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  const spread = (values: readonly number[]): number => {
    const middle = mean(values);
    const sum = values.reduce((total, value) => total + (value - middle) ** 2, 0);
    return sum / (values.length - 1) / values.length;
  };
  return (mean(one) - mean(other)) / Math.sqrt(spread(one) + spread(other));
}
