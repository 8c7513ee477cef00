import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { AlertBook, type HoldRule, type Incident } from "./alert-book.ts";
import { mergeIncident } from "./merge-incident.ts";

const rule: HoldRule = {
  id: "service-down",
  severity: "critical",
  openAfterMs: 3_000,
  closeAfterMs: 10_000,
};

function bookOf(known: readonly (readonly [HoldRule, Incident])[] = [], nowMs = 0) {
  let ids = 0;
  const book = new AlertBook(
    () => {
      ids += 1;
      return `inc_${ids}`;
    },
    known,
    nowMs,
  );
  const look = (atMs: number, isSeen: boolean) =>
    book.look(
      [{ rule, conditions: isSeen ? [{ subject: "auth", reason: `at ${atMs}` }] : [] }],
      atMs,
    );
  return { book, look };
}

test("what lasts opens once, dated from when it began, and closes once it was gone long enough", () => {
  const { book, look } = bookOf();
  for (const atMs of [0, 1_000, 2_000]) assert.deepEqual(look(atMs, true).opened, []);
  const [opened] = look(3_000, true).opened;
  assert.equal(opened?.openedAtMs, 0);
  assert.deepEqual(look(4_000, true).opened, []);
  assert.equal(book.open[0]?.reason, "at 4000");
  for (const atMs of [5_000, 13_000]) assert.deepEqual(look(atMs, false).closed, []);
  const { closed } = look(14_000, false);
  assert.equal(closed[0]?.id, opened?.id);
  assert.equal(closed[0]?.closedAtMs, 14_000);
  assert.deepEqual(book.open, []);
});

test("a moment of it opens nothing, and a moment without it does not begin the wait anew", () => {
  const { look } = bookOf();
  assert.deepEqual(look(0, true).opened, []);
  look(4_000, false);
  assert.deepEqual(look(5_000, true).opened, []);
  look(6_000, false);
  look(7_000, true);
  assert.equal(look(8_000, true).opened.length, 1);
});

test("it flaps faster than it closes: one incident", () => {
  const { look } = bookOf();
  let opened = 0;
  let closed = 0;
  for (let atMs = 0; atMs < 600_000; atMs += 1_000) {
    const seen = look(atMs, Math.floor(atMs / 5_000) % 2 === 0);
    opened += seen.opened.length;
    closed += seen.closed.length;
  }
  assert.deepEqual([opened, closed], [1, 0]);
});

test("what was open before a restart stays open while it lasts, and closes when it does not", () => {
  const first = bookOf();
  first.look(0, true);
  const [incident] = first.look(3_000, true).opened;
  assert.ok(incident);
  const lasting = bookOf([[rule, incident]], 60_000);
  for (let atMs = 60_000; atMs < 90_000; atMs += 1_000) {
    assert.deepEqual(lasting.look(atMs, true), { opened: [], closed: [] });
  }
  const over = bookOf([[rule, incident]], 60_000);
  assert.equal(over.look(70_000, false).closed[0]?.id, incident.id);
});

/** Told by one replica, about one subject. */
const toldArbitrary = fc.record({
  openedAtMs: fc.integer({ min: 0, max: 100 }).map((seconds) => seconds * 1_000),
  lastedMs: fc.integer({ min: 0, max: 60 }).map((seconds) => seconds * 1_000),
});

test("two replicas that saw the same tell it in any order, even late and twice: one incident", () => {
  fc.assert(
    fc.property(
      toldArbitrary,
      fc.integer({ min: 0, max: 2_000 }),
      fc.shuffledSubarray([0, 1, 2, 3, 0, 1], { minLength: 6 }),
      ({ openedAtMs, lastedMs }, skewMs, order) => {
        const lastSeenAtMs = openedAtMs + lastedMs;
        const open = (id: string, byMs: number): Incident => ({
          ...{ id, alert: "a", subject: "s", severity: "critical", reason: "r" },
          openedAtMs: openedAtMs + byMs,
          lastSeenAtMs: lastSeenAtMs + byMs,
          closedAtMs: undefined,
          closeReason: "",
        });
        const closed = (incident: Incident): Incident => ({
          ...incident,
          closedAtMs: incident.lastSeenAtMs + rule.closeAfterMs,
          closeReason: "not seen",
        });
        const [one, other] = [open("inc_1", 0), open("inc_2", skewMs)];
        const told = [one, closed(one), other, closed(other)];
        let known: Incident | undefined;
        const ids = new Set<string>();
        for (const index of order) {
          known = mergeIncident(known, told[index] ?? one);
          ids.add(known.id);
        }
        assert.equal(ids.size, 1);
        assert.equal(known?.openedAtMs, openedAtMs);
        assert.notEqual(known?.closedAtMs, undefined);
      },
    ),
  );
});

test("whoever saw it last decides: one replica's close does not end what the other one still sees", () => {
  const base = { id: "inc_1", alert: "a", subject: "s", severity: "critical", reason: "r" };
  const seen: Incident = {
    ...base,
    ...{ openedAtMs: 0, lastSeenAtMs: 30_000, closedAtMs: undefined, closeReason: "" },
  };
  const closed: Incident = {
    ...base,
    ...{ id: "inc_2", openedAtMs: 0, lastSeenAtMs: 5_000 },
    ...{ closedAtMs: 15_000, closeReason: "not seen" },
  };
  assert.equal(mergeIncident(seen, closed).closedAtMs, undefined);
  assert.equal(mergeIncident(closed, seen).id, "inc_2");
  const again = { ...seen, id: "inc_3", openedAtMs: 20_000 };
  assert.equal(mergeIncident(closed, again).id, "inc_3");
});
