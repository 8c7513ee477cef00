import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { parseNanos } from "@tandem/libs/kernel";
import { refusalOf } from "@tandem/libs/testing";
import { newId } from "@tandem/libs/world";
import {
  type AnalyticsHouse,
  asPerson,
  newFact,
  noonMs,
  openAnalyticsHouse,
  wholeDay,
  world,
} from "./testing/analytics-house.ts";

let house: AnalyticsHouse;

before(async () => {
  house = await openAnalyticsHouse();
});
after(() => house.close());

describe("exports", () => {
  const organisationId = newId(world, "org");
  const facts = Array.from({ length: 23 }, (_, index) =>
    newFact({
      ...{ organisationId, keyId: `key_${index % 3}`, model: index % 2 === 0 ? "big" : 'a,"b"' },
      chargedNanos: BigInt(index * 7),
      atMs: BigInt(noonMs + index * 600_000),
    }),
  );

  before(async () => {
    await house.tell(facts);
  });

  async function whole(request: object): Promise<string> {
    let text = "";
    let after = "";
    do {
      const page = await house.asker.exportUsage(
        {
          organisationId,
          fromMs: wholeDay.fromMs,
          untilMs: wholeDay.untilMs,
          after,
          limit: 5,
          ...request,
        },
        asPerson(organisationId),
      );
      text += Buffer.from(page.content).toString();
      after = page.next;
    } while (after !== "");
    return text;
  }

  test("hold each fact once, in order, over all pages, with money to the nano", async () => {
    const lines = (await whole({ format: "ndjson" })).trimEnd().split("\n");
    const rows = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.deepEqual(
      rows.map(({ id }) => id),
      facts.map(({ id }) => id),
    );
    assert.deepEqual(rows[22]?.["cost"], "0.000000154");
    assert.equal(rows[1]?.["model"], 'a,"b"');
    const csv = (await whole({ format: "csv" })).trimEnd().split("\r\n");
    assert.equal(csv.length, 24);
    assert.ok(csv[0]?.startsWith("id,at,project_id"));
    assert.ok(csv[2]?.includes('"a,""b"""'));
  });

  test("in FOCUS's form add up to the same, to the nano", async () => {
    const lines = (await whole({ format: "focus" })).trimEnd().split("\r\n");
    const header = lines[0]?.split(",") ?? [];
    const at = header.indexOf("x_Cursor");
    assert.ok(at > 0 && header.includes("PricingCurrencyEffectiveCost"));
    const costAt = header.indexOf("EffectiveCost");
    let sum = 0n;
    for (const line of lines.slice(1)) {
      const fields = line.split(/,(?=(?:[^"]*"[^"]*")*[^"]*$)/);
      assert.equal(fields.length, header.length);
      sum += parseNanos(fields[costAt] ?? "");
    }
    assert.equal(
      sum,
      facts.reduce((total, { chargedNanos = 0n }) => total + chargedNanos, 0n),
    );
  });

  test("go on behind a cursor of their own and refuse another's", async () => {
    const page = { organisationId, ...wholeDay, format: "csv" };
    for (const after of [newId(world, "req"), "\0", "hour_1_1"]) {
      const call = house.asker.exportUsage({ ...page, after }, asPerson(organisationId));
      assert.equal(await refusalOf(call), "analytics.cursor_unknown");
    }
    const foreign = house.asker.exportUsage(
      { ...page, organisationId: "org_other", after: facts[0]?.id ?? "" },
      asPerson("org_other"),
    );
    assert.equal(await refusalOf(foreign), "analytics.cursor_unknown");
    const focus = house.asker.exportUsage(
      { ...page, format: "focus", after: "1" },
      asPerson(organisationId),
    );
    assert.equal(await refusalOf(focus), "analytics.cursor_unknown");
    const developer = asPerson(organisationId, { roles: ["developer"] });
    const seen = await house.asker.exportUsage(page, developer);
    assert.ok(!Buffer.from(seen.content).includes("upstream"), "a developer sees no margin");
  });
});
