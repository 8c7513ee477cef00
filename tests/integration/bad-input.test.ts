/**
 * Everything that callers and upstreams can do wrong, through the public door of the running
 * product: the right status in the right form, nothing half done, and nobody dies of it.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { bodiesSuite } from "./bad-input/bodies.suite.ts";
import { framingSuite } from "./bad-input/framing.suite.ts";
import { emptyWalletSuite, keysSuite } from "./bad-input/keys.suite.ts";
import { upstreamSuite } from "./bad-input/upstream.suite.ts";
import { openProduct, type Product } from "./product.ts";

let product: Product | undefined;

function opened(): Product {
  if (!product) throw new Error("the product is opened before the first test");
  return product;
}

before(async () => {
  product = await openProduct({ settings: { access: { setup: { initialCredit: "0" } } } });
});
after(() => product?.close());

describe("bad input", { concurrency: false }, () => {
  emptyWalletSuite(opened);
  bodiesSuite(opened);
  keysSuite(opened);
  framingSuite(opened);
  upstreamSuite(opened);

  test("after all of it no process has died and the books add up to nothing lost", async () => {
    const { processes } = await opened().tandem.status();
    assert.deepEqual(
      processes.filter(({ deaths }) => deaths > 0),
      [],
    );
    const ledger = await opened().manage("GET", "/ledger/verify");
    assert.deepEqual([ledger["ok"], ledger["sum_nanos"]], [true, "0"], JSON.stringify(ledger));
  });
});
