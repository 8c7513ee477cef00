import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { EngineFault } from "@tandem/libs/testing";
import { textOfStream, textOfWhole } from "@tandem/libs/testing";
import type { Product } from "../product.ts";
import { ask, assertDialectError, goodBody } from "./checks.ts";

/** What a caller may get from a broken upstream: the answer, or an error that says what it is. */
export function upstreamSuite(productOf: () => Product): void {
  describe("upstreams that go wrong", () => {
    wholeAnswers(productOf);
    streams(productOf);
    coming(productOf);
  });
}

const faults: Readonly<Record<string, EngineFault>> = {
  "resets the connection": { kind: "reset" },
  "cuts the head": { kind: "cut", atByte: 20, how: "reset" },
  "cuts the body": { kind: "cut", atByte: 250, how: "end" },
  "ends the body early, properly": { kind: "truncate", atByte: 90 },
  "answers HTML with 502": { kind: "html", status: 502 },
  "answers HTML with 200": { kind: "html", status: 200 },
  "answers 200 with an error body": { kind: "error-body" },
  "answers nonsense": { kind: "malformed" },
  "answers 500": { kind: "status", status: 500 },
  "answers 429": { kind: "status", status: 429, retryAfterSeconds: 1 },
  "does not know our key": { kind: "status", status: 401 },
};

let asked = 0;

/** No cache may answer for a broken upstream. */
function fresh(what: string) {
  asked += 1;
  return goodBody(`${what} ${asked} ${performance.timeOrigin}`);
}

function wholeAnswers(productOf: () => Product): void {
  for (const [what, fault] of Object.entries(faults)) {
    test(`an upstream that ${what} is an error of its own kind, never an answer and never a 401`, async () => {
      const product = productOf();
      await broken(product, fault, async () => {
        const answer = await ask(product, fresh(what));
        assertDialectError(answer, [429, 502, 503, 504]);
      });
    });
  }
}

function streams(productOf: () => Product): void {
  for (const [what, fault] of Object.entries(faults)) {
    test(`a stream whose upstream ${what} never ends like a complete one`, async () => {
      const product = productOf();
      await broken(product, fault, async () => {
        const { status, body } = await ask(product, { ...fresh(what), stream: true });
        if (status === 200) {
          assert.equal(textOfStream(body), undefined, body);
          assert.match(body, /data: \{"error":/);
          assert.ok(!body.includes("[DONE]"));
        } else {
          assert.ok([429, 502, 503, 504].includes(status), `${status} ${body}`);
          assert.match(body, /"error":\{/);
        }
      });
    });
  }
}

function coming(productOf: () => Product): void {
  test("an upstream that hangs is given up when its time is over, whole and streamed", async () => {
    const product = productOf();
    await broken(product, { kind: "hang" }, async () => {
      const whole = await ask(product, fresh("hangs"));
      assertDialectError(whole, [502, 503, 504]);
      const streamed = await ask(product, { ...fresh("hangs"), stream: true });
      assertDialectError(streamed, [502, 503, 504]);
    });
  });

  test("an upstream that refuses connections is an error within two seconds, and is back at once", async () => {
    const product = productOf();
    await product.engine.refuse();
    const answer = await ask(product, fresh("refuses"));
    assertDialectError(answer, [502, 503]);
    assert.ok(answer.tookMs < 2_000, `${answer.tookMs} ms`);
    await product.engine.accept();
    await recovered(product);
  });

  for (const [what, fault] of Object.entries(faults)) {
    test(`one upstream that ${what} is not seen at all where there is another`, async () => {
      const product = productOf();
      const before = product.engine.calls.length;
      product.engine.script(fault);
      const whole = await ask(product, fresh(what));
      assert.equal(whole.status, 200, whole.body);
      assert.ok(textOfWhole(whole.body));
      assert.equal(product.engine.calls.length, before + 2);
      await recovered(product);
    });
  }
}

/** Every attempt fails like this while `check` runs; afterwards the upstream is trusted again. */
async function broken(
  product: Product,
  fault: EngineFault,
  check: () => Promise<void>,
): Promise<void> {
  const { processes } = await product.tandem.status();
  product.engine.always(fault);
  try {
    await check();
  } finally {
    product.engine.always(undefined);
  }
  await recovered(product);
  const now = await product.tandem.status();
  const pids = (list: typeof processes) => list.map(({ name, pid }) => `${name} ${pid}`);
  assert.deepEqual(pids(now.processes), pids(processes));
}

/** An upstream that failed may be left alone for a moment; it must not be for long. */
async function recovered(product: Product): Promise<void> {
  const deadlineMs = performance.now() + 10_000;
  for (;;) {
    const answer = await ask(product, fresh("recovered"));
    if (answer.status === 200) return;
    if (performance.now() > deadlineMs) assert.fail(`still ${answer.status}: ${answer.body}`);
    await new Promise((resolve) => {
      setTimeout(resolve, 100);
    });
  }
}
