/**
 * Schemas change while two versions of a service run on them. A step may only add what the version
 * before need not know: then its statements, which name their tables and columns, mean the same
 * before and after. What is no longer needed is taken away one release after nobody uses it, and
 * named in `agreed`.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type Database, type Migrations, migrate, openDatabase, sql } from "@tandem/libs/store";
import { createLog } from "@tandem/libs/telemetry";
import { startTestPostgres, type TestPostgres } from "@tandem/libs/testing";
import { realWorld } from "@tandem/libs/world";
import { migrations as analytics } from "../../services/analytics/store/migrations.ts";
import { migrations as articles } from "../../services/articles/store/schema.ts";
import { migrations as auth } from "../../services/auth/store/schema.ts";
import { migrations as chat } from "../../services/chat/store/migrations.ts";
import { migrations as inference } from "../../services/inference/store/migrations.ts";
import { migrations as models } from "../../services/models/store/migrations.ts";
import { migrations as monitoring } from "../../services/monitoring/store/migrations.ts";
import { migrations as orders } from "../../services/orders/store/schema.ts";
import { migrations as quota } from "../../services/quota/store/migrations.ts";
import { migrations as users } from "../../services/users/store/schema.ts";
import { contractions, countOf, fill, shapeOf } from "./schema/catalogue.ts";

const services: Readonly<Record<string, Migrations>> = {
  ...{ analytics, articles, auth, chat, inference },
  ...{ models, monitoring, orders, quota, users },
};

/** Contracting steps that are fine: `service step` → what it takes away, and why nobody misses it. */
const agreed: Readonly<Record<string, readonly string[]>> = {
  // A row of the platform may stand beside a tenant's own. Checks are of new columns, which older
  // code leaves to their defaults; no version that was released relies on the narrower uniqueness.
  "quota 0006-raises": [
    wider("limits", "window_ms, set_by)"),
    "limits refuses more: CHECK ((raise_amount >= 0))",
    "limits refuses more: CHECK ((set_by = ANY (ARRAY['organisation'::text, 'platform'::text])))",
    narrower("limits", "window_ms)"),
    wider("budgets", "period, set_by, is_soft) WHERE (deleted_at_ms IS NULL)"),
    "budgets refuses more: CHECK ((raise_amount >= 0))",
    "budgets refuses more: CHECK ((set_by = ANY (ARRAY['organisation'::text, 'platform'::text])))",
    narrower("budgets", "period) WHERE (deleted_at_ms IS NULL)"),
  ],
};

function uniqueIndex(table: string, rest: string): string {
  const start = `CREATE UNIQUE INDEX ON public.${table} USING btree (organisation_id, project_id`;
  return `${start}, user_id, key_id, model, ${table === "limits" ? "kind, " : ""}${rest}`;
}

function wider(table: string, rest: string): string {
  return `${table} refuses more: ${uniqueIndex(table, rest)}`;
}

function narrower(table: string, rest: string): string {
  return `${table} lost ${uniqueIndex(table, rest)}`;
}

const log = createLog({ level: "error", fields: {} });
let postgres: TestPostgres;
before(async () => {
  postgres = await startTestPostgres();
});
after(() => postgres.stop());

async function withDatabase(run: (database: Database<unknown>) => Promise<void>): Promise<void> {
  const url = await postgres.createDatabase();
  const database = openDatabase<unknown>(url, { world: realWorld(), log, poolSize: 2 });
  try {
    await run(database);
  } finally {
    await database.destroy();
  }
}

for (const [service, migrations] of Object.entries(services)) {
  const steps = Object.keys(migrations).sort();
  describe(service, () => {
    test("no step takes anything from the version before, and rows of before live on", async () => {
      await withDatabase(async (database) => {
        let shape = await shapeOf(database);
        for (const [index, step] of steps.entries()) {
          const filled = await fill(database, index + 1);
          const counts = await Promise.all(filled.map((table) => countOf(database, table)));
          await migrate(database, migrations, { to: step });
          const next = await shapeOf(database);
          assert.deepEqual(contractions(shape, next), agreed[`${service} ${step}`] ?? [], step);
          shape = next;
          for (const [at, table] of filled.entries()) {
            const count = await countOf(database, table);
            assert.ok(count >= (counts[at] ?? 0), `${step} keeps the rows of ${table}`);
          }
        }
      });
    });

    test("every step can be taken back and made again, with the rows of before it kept", async () => {
      await withDatabase(async (database) => {
        const shapes = [await shapeOf(database)];
        for (const step of steps) {
          await migrate(database, migrations, { to: step });
          shapes.push(await shapeOf(database));
        }
        for (const [index, step] of [...steps.entries()].toReversed()) {
          const previous = steps[index - 1] ?? "none";
          const older = shapes[index];
          const kept = (await fill(database, index + 100)).filter((table) =>
            older?.tables.has(table),
          );
          const counts = await Promise.all(kept.map((table) => countOf(database, table)));
          await migrate(database, migrations, { to: previous });
          assert.deepEqual(await shapeOf(database), older, `${step} taken back`);
          for (const [at, table] of kept.entries()) {
            assert.equal(await countOf(database, table), counts[at], `${step}: ${table}`);
          }
          await migrate(database, migrations, { to: step });
          assert.deepEqual(await shapeOf(database), shapes[index + 1], `${step} made again`);
          await migrate(database, migrations, { to: previous });
        }
      });
    });

    test("a replica of the version before starts on the newer schema and leaves it alone", async () => {
      await withDatabase(async (database) => {
        await migrate(database, migrations);
        const newest = await shapeOf(database);
        const known = steps.slice(0, -1);
        if (known.length === 0) return;
        const older = Object.fromEntries(
          known.flatMap((step) => {
            const migration = migrations[step];
            return migration === undefined ? [] : [[step, migration] as const];
          }),
        );
        await migrate(database, older);
        assert.deepEqual(await shapeOf(database), newest);
      });
    });
  });
}

test("a step that takes something away is found", async () => {
  await withDatabase(async (database) => {
    const run = (text: string) => sql.raw(text).execute(database);
    await run("create table t (a text not null, b text, c int, unique (a))");
    const was = await shapeOf(database);
    await run("alter table t drop column c, alter b set not null, add d int not null");
    await run("alter table t drop constraint t_a_key, add check (a <> '')");
    const found = contractions(was, await shapeOf(database));
    assert.deepEqual(found.toSorted(), [
      "t lost CREATE UNIQUE INDEX ON public.t USING btree (a)",
      "t refuses more: CHECK ((a <> ''::text))",
      "t.b is demanded now",
      "t.c is gone",
      "t.d is new and demanded",
    ]);
  });
});
