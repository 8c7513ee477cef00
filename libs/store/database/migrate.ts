import { sql } from "kysely";
import { type Migration, Migrator, NO_MIGRATIONS } from "kysely/migration";
import { Fault } from "../../kernel/index.ts";
import { sleep } from "../../world/index.ts";
import { storeFaults } from "../faults.ts";
import { Database } from "./database.ts";

/** Schema changes by name; run in the order of their names (`0001-keys`, `0002-roles`). */
export type Migrations = Readonly<Record<string, Migration>>;

const pauseMs = 250;

/**
 * Brings the schema to the newest of `migrations`, or forward or back to `to` (`"none"` for an
 * empty database). Replicas that start together take turns: one changes, the others wait and find
 * nothing to do. All steps run in one transaction: after a failure the schema is as before, and
 * `store.migration_failed` is thrown, which ends the start of the service.
 *
 * Every step must leave the version before it working. That is why a database that knows steps
 * *newer* than ours is accepted as it is: a replica of the version before may restart in the middle
 * of a rolling upgrade. A database that is away is waited for, `waitMs` long (30 s by default).
 */
export async function migrate<Schema>(
  database: Database<Schema>,
  migrations: Migrations,
  options: { readonly to?: string; readonly waitMs?: number } = {},
): Promise<void> {
  const { world } = database;
  const giveUpAtMs = world.clock.monotonicMs() + (options.waitMs ?? 30_000);
  // Its own connection: a change of schema may take longer than any statement of a request.
  const own = new Database<MigrationTable>(database.url, {
    world,
    log: database.log,
    poolSize: 1,
    statementTimeoutMs: 0,
    idleInTransactionTimeoutMs: 60_000,
  });
  try {
    for (;;) {
      try {
        return await migrateOnce(own, migrations, options.to);
      } catch (error) {
        const isAway = Fault.is(error) && error.code === "unavailable";
        if (!isAway || world.clock.monotonicMs() >= giveUpAtMs) throw error;
        await sleep(world, pauseMs);
      }
    }
  } finally {
    await own.destroy();
  }
}

interface MigrationTable {
  readonly kysely_migration: { readonly name: string };
}

async function migrateOnce(
  database: Database<MigrationTable>,
  migrations: Migrations,
  to: string | undefined,
): Promise<void> {
  if (to === undefined && (await isDone(database, migrations))) return;
  const migrator = new Migrator({
    db: database,
    provider: { getMigrations: async () => migrations },
    nameComparator: (left, right) => (left < right ? -1 : Number(left > right)),
  });
  const target = to === "none" ? NO_MIGRATIONS : to;
  const { error, results = [] } =
    target === undefined ? await migrator.migrateToLatest() : await migrator.migrateTo(target);
  for (const { migrationName, direction, status } of results) {
    database.log.info("schema_migration", { migration: migrationName, direction, status });
  }
  if (error === undefined) return;
  if (Fault.is(error) && error.code === "unavailable") throw error;
  // A newer version may have migrated while we waited for the lock.
  if (to === undefined && (await isDone(database, migrations))) return;
  const failed = results.find(({ status }) => status === "Error")?.migrationName;
  throw storeFaults.migration_failed({
    detail: `${failed ?? "schema"}: ${error instanceof Error ? error.message : String(error)}`,
    ...(failed !== undefined && { context: { migration: failed } }),
    cause: error,
  });
}

/**
 * True when the database has all of our steps, and perhaps newer ones that we do not know. Nearly
 * every start finds it so, by two small queries instead of the migrator's dozen under a lock.
 */
async function isDone(
  database: Database<MigrationTable>,
  migrations: Migrations,
): Promise<boolean> {
  const { rows } = await sql<{ table: string | null }>`
    select to_regclass('kysely_migration')::text as "table"`.execute(database);
  if (rows[0]?.table == null) return false;
  const executed = await database.selectFrom("kysely_migration").select("name").execute();
  const done = new Set(executed.map(({ name }) => name));
  const unknown = [...done].filter((name) => migrations[name] === undefined);
  const missing = Object.keys(migrations).filter((name) => !done.has(name));
  if (unknown.length === 0) return missing.length === 0;
  if (missing.length > 0) {
    const detail = `unknown here: ${unknown.join(", ")}; not there: ${missing.join(", ")}`;
    throw storeFaults.migration_failed({ detail });
  }
  database.log.warn("schema_is_newer", { unknown });
  return true;
}
