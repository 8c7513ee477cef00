import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { refusalOf } from "@tandem/libs/testing";
import {
  asFinance,
  asPerson,
  confirm,
  type OrdersHouse,
  place,
  shop,
  untilState,
} from "../orders-house.suite.ts";

export function statementSuite(house: () => OrdersHouse): void {
  describe("statements", () => {
    test("what was paid and paid back in a month, as lines, CSV and PDF", async () => {
      const { first, nowMs } = house();
      const market = await shop(house());
      const { organisationId } = market;
      const caller = asPerson(organisationId);
      const order = await place(first, market);
      await confirm(first, order);
      await untilState(house(), order, "fulfilled");
      const amountNanos = 1_190_000_000n;
      await first.refundOrder(
        { orderId: order.id, amountNanos, idempotencyKey: "part" },
        asFinance(),
      );
      await untilState(house(), order, "partially_refunded");
      const month = new Date(nowMs()).toISOString().slice(0, 7);
      const statement = await first.getStatement({ organisationId, month }, caller);
      assert.deepEqual(
        statement.lines.map((line) => [line.kind, line.netNanos, line.taxNanos, line.totalNanos]),
        [
          ["order", 10_000_000_000n, 1_900_000_000n, 11_900_000_000n],
          ["refund", -1_000_000_000n, -190_000_000n, -1_190_000_000n],
        ],
      );
      assert.deepEqual(
        statement.totals.map(({ currency, totalNanos }) => [currency, totalNanos]),
        [["USD", 10_710_000_000n]],
      );
      assert.equal(statement.preliminary, true);
      const csv = await first.renderStatement({ organisationId, month, format: "csv" }, caller);
      const text = new TextDecoder().decode(csv.content);
      assert.equal(text.split("\r\n").length, 4);
      assert.match(text, /,refund,.*,-1\.00,-0\.19,-1\.19,USD,-1\.20,USD/);
      const pdf = await first.renderStatement({ organisationId, month, format: "pdf" }, caller);
      const bytes = Buffer.from(pdf.content);
      assert.equal(bytes.subarray(0, 5).toString(), "%PDF-");
      assert.match(bytes.subarray(-10).toString(), /%%EOF/);
      const before = await first.getStatement({ organisationId, month: "2020-01" }, caller);
      assert.deepEqual([before.lines.length, before.preliminary], [0, false]);
    });

    test("of the own organisation, and of a month that is one", async () => {
      const { first } = house();
      const [own, other] = [await shop(house()), await shop(house())];
      const request = { organisationId: own.organisationId, month: "2026-11" };
      const stranger = first.getStatement(request, asPerson(other.organisationId));
      assert.equal(await refusalOf(stranger), "orders.order_not_found");
      const viewer = asPerson(own.organisationId, { roles: ["viewer"] });
      assert.equal(
        await refusalOf(first.getStatement(request, viewer)),
        "orders.permission_missing",
      );
      for (const month of ["", "2026-13", "2026-1", "1999-01", "2026-11-01"]) {
        const call = first.getStatement({ ...request, month }, asPerson(own.organisationId));
        assert.equal(await refusalOf(call), "orders.malformed");
      }
    });
  });
}
