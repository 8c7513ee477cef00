import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { cell } from "../statement/statement-csv.ts";
import { creditShare, priceOf, taxShare } from "./order-price.ts";
import { nextState, type OrderEvent, type OrderFacts, orderStates } from "./order-state.ts";
import { changesFrom, type PaymentSnapshot } from "./payment-changes.ts";
import { paymentReference } from "./payment-reference.ts";
import { parseMonth, totalsOf } from "./statement.ts";

const terms = {
  kind: "pack",
  name: "Ten",
  description: "",
  priceNanos: 10_000_000_000n,
  currency: "EUR",
  taxPpm: 81_000,
  creditNanos: 11_111_111_111n,
  creditCurrency: "USD",
  validDays: 0,
} as const;

test("tax is rounded to the cent, half up, and the rate is exact to nine digits", () => {
  assert.deepEqual(priceOf(terms, 1), {
    netNanos: 10_000_000_000n,
    taxNanos: 810_000_000n,
    totalNanos: 10_810_000_000n,
    creditNanos: 11_111_111_111n,
    exchangeRate: "1.111111111",
  });
  assert.equal(
    priceOf({ ...terms, priceNanos: 50_000_000n, taxPpm: 100_000 }, 1).taxNanos,
    10n ** 7n,
  );
  assert.equal(priceOf({ ...terms, priceNanos: 49_000_000n, taxPpm: 100_000 }, 1).taxNanos, 0n);
});

test("refunds in any parts take exactly the credit and the tax of the whole", () => {
  fc.assert(
    fc.property(
      fc.bigInt({ min: 1n, max: 10n ** 15n }),
      fc.bigInt({ min: 1n, max: 10n ** 15n }),
      fc.array(fc.double({ min: 0.01, max: 0.9, noNaN: true }), { maxLength: 8 }),
      (totalNanos, creditNanos, fractions) => {
        let refundedNanos = 0n;
        let taken = 0n;
        let tax = 0n;
        const amounts = fractions.map(
          (part) => (totalNanos * BigInt(Math.ceil(part * 1e6))) / 10n ** 7n,
        );
        for (const wanted of [...amounts, totalNanos]) {
          const left = totalNanos - refundedNanos;
          const amountNanos = wanted < left ? wanted : left;
          const place = { totalNanos, refundedNanos, amountNanos };
          const share = creditShare({ ...place, creditNanos });
          assert.ok(share >= 0n);
          taken += share;
          tax += taxShare({ ...place, taxNanos: totalNanos / 7n });
          refundedNanos += amountNanos;
        }
        assert.deepEqual([refundedNanos, taken, tax], [totalNanos, creditNanos, totalNanos / 7n]);
      },
    ),
  );
});

test("an order is paid at most once, and credit is never asked back before it was given", () => {
  const events: readonly OrderEvent[] = [
    ...(["pay", "fulfil", "expire", "cancel", "fail", "retry"] as const),
    ...(["refund", "dispute", "win", "lose"] as const),
  ];
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...events), { maxLength: 30 }), (happened) => {
      let facts: OrderFacts = {
        state: "awaiting_payment",
        totalNanos: 4n,
        refundedNanos: 0n,
        isFulfilled: false,
      };
      let payments = 0;
      for (const event of happened) {
        const refundedNanos = facts.refundedNanos + (event === "refund" ? 1n : 0n);
        const state = nextState({ ...facts, refundedNanos }, event);
        if (state === undefined) continue;
        assert.ok(orderStates.includes(state));
        if (event === "pay") payments += 1;
        if (event === "refund") assert.equal(payments, 1);
        facts = {
          ...facts,
          ...{ state, refundedNanos },
          isFulfilled: facts.isFulfilled || event === "fulfil",
        };
        assert.ok(payments <= 1);
      }
    }),
  );
});

test("what a provider says twice changes nothing the second time", () => {
  const states = ["pending", "succeeded", "failed", "expired"] as const;
  const snapshots = fc.record<PaymentSnapshot>({
    state: fc.constantFrom(...states),
    amountNanos: fc.constant(10n),
    currency: fc.constant("USD"),
    refundedNanos: fc.bigInt({ min: 0n, max: 10n }),
    dispute: fc.constantFrom("", "open", "won", "lost"),
  });
  fc.assert(
    fc.property(fc.constantFrom(...orderStates), snapshots, (state, snapshot) => {
      const paid = !["awaiting_payment", "failed", "expired", "cancelled"].includes(state);
      const order = { state, totalNanos: 10n, refundedNanos: 0n, isFulfilled: paid };
      const payment = {
        state: "succeeded",
        amountNanos: 10n,
        currency: "USD",
        dispute: snapshot.dispute,
      } as const;
      const refundsNanos = snapshot.refundedNanos;
      assert.deepEqual(changesFrom({ order, payment, refundsNanos }, snapshot), []);
    }),
  );
});

test("a reference shows a slip of the pen", () => {
  const reference = paymentReference("ord_06f2qk8m3v8sxqh5w1p4n0zr7c");
  assert.match(reference, /^TDM-[0-9A-Z]{5}-[0-9A-Z]{5}$/);
  const sign = (text: string) => paymentReference(`ord_${"0".repeat(17)}${text}`).at(-1);
  const digits = "4n0xr7c12";
  for (let index = 0; index < digits.length - 1; index += 1) {
    const exchanged = [...digits];
    [exchanged[index], exchanged[index + 1]] = [exchanged[index + 1] ?? "", exchanged[index] ?? ""];
    if (exchanged.join("") !== digits) assert.notEqual(sign(exchanged.join("")), sign(digits));
  }
});

test("months have their bounds in UTC, totals one line for each currency", () => {
  assert.equal(parseMonth("2026-12")?.endMs, Date.UTC(2027, 0));
  assert.equal(parseMonth("2026-00"), undefined);
  const line = { netNanos: 1n, taxNanos: 2n, totalNanos: 3n };
  const lines = ["USD", "CNY", "USD"].map((currency) => ({ ...line, currency }));
  assert.deepEqual(
    totalsOf(lines as never).map(({ currency, totalNanos }) => [currency, totalNanos]),
    [
      ["CNY", 3n],
      ["USD", 6n],
    ],
  );
});

test("a cell is no formula, and what needs quotes has them", () => {
  assert.equal(cell("=HYPERLINK(1)"), "'=HYPERLINK(1)");
  assert.equal(cell("-1.50"), "-1.50");
  assert.equal(cell('a "b", c'), '"a ""b"", c"');
});
