import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { refusalOf } from "@tandem/libs/testing";
import { asFinance, asPerson, type OrdersHouse } from "../orders-house.suite.ts";

const terms = {
  kind: "pack",
  name: "Ten",
  priceNanos: 10_000_000_000n,
  currency: "USD",
  taxPpm: 190_000,
  creditNanos: 12_000_000_000n,
  creditCurrency: "USD",
} as const;

export function productSuite(house: () => OrdersHouse): void {
  let count = 0;
  const nextOrganisation = (): string => {
    count += 1;
    return `org_products_${count}`;
  };

  describe("plans and credit packs", () => {
    test("made once for an idempotency key, even by many at once", async () => {
      const organisationId = nextOrganisation();
      const request = { product: { ...terms, organisationId }, idempotencyKey: "same" };
      const { first, second } = house();
      const made = await Promise.all(
        Array.from({ length: 10 }, (_, index) =>
          (index % 2 ? first : second).createProduct(request, asFinance()),
        ),
      );
      assert.equal(new Set(made.map(({ id }) => id)).size, 1);
      assert.equal(made[0]?.version, 1n);
      const listed = await first.listProducts(
        { organisationId, kind: "pack" },
        asPerson(organisationId),
      );
      assert.equal(listed.products.length, 1);
    });

    test("a change is a new version; the old one stays to be read", async () => {
      const organisationId = nextOrganisation();
      const caller = asPerson(organisationId);
      const { first, second } = house();
      const made = await first.createProduct(
        { product: { ...terms, organisationId } },
        asFinance(),
      );
      const raise = (client: typeof first, priceNanos: bigint) =>
        refusalOf(
          client.updateProduct(
            { product: { ...made, priceNanos }, expectedVersion: made.version },
            asFinance(),
          ),
        );
      const answers = await Promise.all([raise(first, 11n), raise(second, 12n)]);
      assert.deepEqual(new Set(answers), new Set(["none", "orders.version_mismatch"]));
      const place = { organisationId, id: made.id, kind: "pack" };
      const { products } = await first.listProductVersions(place, caller);
      assert.deepEqual(
        products.map(({ version }) => version),
        [2n, 1n],
      );
      assert.equal(products[1]?.priceNanos, terms.priceNanos);
    });

    test("another organisation's do not exist; an archived one is off the list", async () => {
      const [own, other] = [nextOrganisation(), nextOrganisation()];
      const { first } = house();
      const { id } = await first.createProduct(
        { product: { ...terms, organisationId: own } },
        asFinance(),
      );
      for (const organisationId of [own, other]) {
        const read = first.getProduct({ organisationId, id, kind: "pack" }, asPerson(other));
        assert.equal(await refusalOf(read), "orders.product_not_found");
      }
      const change = { product: { ...terms, id, organisationId: own, name: "mine" } };
      const write = first.updateProduct(change, asPerson(own));
      assert.equal(await refusalOf(write), "orders.permission_missing");
      const away = { ...change, product: { ...change.product, archivedAtMs: 1n } };
      await first.updateProduct(away, asFinance());
      const listed = await first.listProducts({ organisationId: own, kind: "pack" }, asPerson(own));
      assert.deepEqual(listed.products, []);
    });

    test("who may not offer anything offers nothing; nonsense is refused with its reason", async () => {
      const organisationId = nextOrganisation();
      const { first } = house();
      const product = { ...terms, organisationId };
      for (const given of [
        { roles: ["owner"] },
        { roles: ["platform:operator"] },
        { keyId: "key_1", scopes: ["admin"] },
      ]) {
        const call = first.createProduct({ product }, asPerson(organisationId, given));
        assert.equal(await refusalOf(call), "orders.permission_missing");
      }
      const nonsense = [
        { ...product, kind: "gift" },
        { ...product, name: " " },
        { ...product, priceNanos: -1n },
        { ...product, creditNanos: 0n },
        { ...product, creditNanos: 10n ** 16n },
        { ...product, currency: "dollars" },
        { ...product, taxPpm: 1_000_001 },
        { ...product, kind: "plan", validDays: 0 },
      ];
      for (const wrong of nonsense) {
        const call = first.createProduct({ product: wrong }, asFinance());
        assert.equal(await refusalOf(call), "orders.malformed");
      }
    });

    test("the platform's own come from the settings, for everybody and to be changed there alone", async () => {
      const organisationId = nextOrganisation();
      const caller = asPerson(organisationId);
      const starter = { key: "starter", name: "Starter", price: "5", credit: "5" };
      const { restart } = house();
      await restart({ products: [starter] });
      const { first } = house();
      const list = { organisationId, kind: "pack" };
      const [offered] = (await first.listProducts(list, caller)).products;
      assert.ok(offered !== undefined);
      assert.equal(offered.organisationId, "");
      const change = { product: { ...offered, organisationId, priceNanos: 1n } };
      assert.equal(
        await refusalOf(first.updateProduct(change, asFinance())),
        "orders.product_of_settings",
      );
      await restart({ products: [{ ...starter, price: "6" }] });
      const [dearer] = (await first.listProducts(list, caller)).products;
      assert.deepEqual(
        [dearer?.id, dearer?.version, dearer?.priceNanos],
        [offered.id, 2n, 6_000_000_000n],
      );
      await restart({});
      assert.deepEqual((await first.listProducts(list, caller)).products, []);
    });
  });
}
