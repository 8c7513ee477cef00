/**
 * What the management API added and discovery found. One version counts every change, so that a
 * snapshot of any replica is as good as another's.
 */
import { type Database, type Executor, notify, sql, transaction } from "@tandem/libs/store";
import type {
  CatalogueAlias,
  CatalogueModel,
  CataloguePrice,
  CatalogueRule,
  Discovery,
} from "../core/catalogue.ts";
import { modelsFaults } from "../faults.ts";
import type { Schema } from "./migrations.ts";

export interface StoredCatalogue {
  readonly version: bigint;
  readonly models: readonly CatalogueModel[];
  readonly prices: readonly CataloguePrice[];
  readonly aliases: readonly CatalogueAlias[];
  readonly rules: readonly CatalogueRule[];
  readonly discoveries: readonly Discovery[];
}

export interface CatalogueStore {
  read(): Promise<StoredCatalogue>;
  /** `expectedVersion` 0: whatever is there. Throws `version_conflict`. */
  putModel(model: CatalogueModel, expectedVersion: bigint): Promise<CatalogueModel>;
  deleteModel(id: string): Promise<CatalogueModel | undefined>;
  /** Adds a price and closes the one it follows at its beginning. Repeated, it changes nothing. */
  putPrice(price: CataloguePrice): Promise<void>;
  putAlias(alias: CatalogueAlias): Promise<void>;
  deleteAlias(name: string): Promise<CatalogueAlias | undefined>;
  putRule(rule: CatalogueRule): Promise<void>;
  deleteRule(id: string): Promise<CatalogueRule | undefined>;
  /**
   * Says what a replica's configuration file declares. When that is not what it was at the
   * replica's last start, the version rises, so that gateways fetch what they could not know has
   * changed.
   */
  recordDeclaration(replica: string, digest: string): Promise<void>;
  /** What an upstream tells now; what it told before and no longer tells is marked as gone. */
  recordDiscoveries(upstream: string, found: readonly Discovery[]): Promise<bigint>;
}

export const changesChannel = "models_changes";

export function createCatalogueStore(database: Database<Schema>): CatalogueStore {
  const deleting = (table: "models" | "rules", id: string): Promise<unknown> =>
    transaction(database, async (tx) => {
      const row = await tx
        .deleteFrom(table)
        .where("id", "=", id)
        .returning("entry")
        .executeTakeFirst();
      if (row !== undefined) await raiseVersion(tx);
      return row?.entry;
    });
  return {
    read: () => readCatalogue(database),
    putModel: (model, expectedVersion) => putModel(database, model, expectedVersion),
    deleteModel: async (id) => {
      const entry = (await deleting("models", id)) as CatalogueModel | undefined;
      return entry && { ...entry, version: 0n };
    },
    putPrice: (price) => putPrice(database, price),
    putAlias: (alias) =>
      transaction(database, async (tx) => {
        await tx
          .insertInto("aliases")
          .values(alias)
          .onConflict((conflict) => conflict.column("name").doUpdateSet({ model: alias.model }))
          .execute();
        await raiseVersion(tx);
      }),
    deleteAlias: (name) =>
      transaction(database, async (tx) => {
        const row = await tx
          .deleteFrom("aliases")
          .where("name", "=", name)
          .returningAll()
          .executeTakeFirst();
        if (row !== undefined) await raiseVersion(tx);
        return row;
      }),
    putRule: (rule) =>
      transaction(database, async (tx) => {
        const entry = JSON.stringify(rule);
        await tx
          .insertInto("rules")
          .values({ id: rule.id, entry })
          .onConflict((conflict) => conflict.column("id").doUpdateSet({ entry }))
          .execute();
        await raiseVersion(tx);
      }),
    deleteRule: async (id) => (await deleting("rules", id)) as CatalogueRule | undefined,
    recordDeclaration: (replica, digest) => recordDeclaration(database, { replica, digest }),
    recordDiscoveries: (upstream, found) => recordDiscoveries(database, upstream, found),
  };
}

async function raiseVersion(tx: Executor): Promise<bigint> {
  const { rows } = await sql<{ version: bigint }>`
    update snapshot set version = version + 1 returning version`.execute(tx);
  const version = rows[0]?.version ?? 0n;
  await notify(tx, changesChannel, version.toString());
  return version;
}

async function readCatalogue(database: Database<Schema>): Promise<StoredCatalogue> {
  return transaction(
    database,
    async (tx) => {
      const version = await readVersion(tx);
      const models = await tx.selectFrom("models").selectAll().orderBy("id").execute();
      const prices = await tx.selectFrom("prices").selectAll().orderBy("valid_from_ms").execute();
      const aliases = await tx.selectFrom("aliases").selectAll().orderBy("name").execute();
      const rules = await tx.selectFrom("rules").selectAll().orderBy("id").execute();
      const found = await tx.selectFrom("discoveries").selectAll().execute();
      return {
        version,
        models: models.map((row) => ({ ...(row.entry as CatalogueModel), version: row.version })),
        prices: prices.map(rowToPrice),
        aliases,
        rules: rules.map((row) => row.entry as CatalogueRule),
        discoveries: found.map((row) => ({
          upstream: row.upstream,
          name: row.name,
          contextTokens: row.context_tokens,
          capabilities: row.capabilities,
          isLocal: row.is_local,
          isGone: row.is_gone,
          position: row.position,
        })),
      };
    },
    { isolation: "repeatable read" },
  );
}

function putModel(
  database: Database<Schema>,
  model: CatalogueModel,
  expectedVersion: bigint,
): Promise<CatalogueModel> {
  return transaction(database, async (tx) => {
    const existing = await tx
      .selectFrom("models")
      .select("version")
      .where("id", "=", model.id)
      .forUpdate()
      .executeTakeFirst();
    if (expectedVersion !== 0n && existing?.version !== expectedVersion) {
      throw modelsFaults.version_conflict();
    }
    const version = await raiseVersion(tx);
    const { version: _replaced, ...entry } = model;
    const row = { id: model.id, entry: JSON.stringify(entry), version };
    await tx
      .insertInto("models")
      .values(row)
      .onConflict((conflict) => conflict.column("id").doUpdateSet(row))
      .execute();
    return { ...model, version };
  });
}

function putPrice(database: Database<Schema>, price: CataloguePrice): Promise<void> {
  return transaction(database, async (tx) => {
    // The next price of the model, if any, ends this one; this one ends the price before it.
    const from = BigInt(price.validFromMs);
    await sql`select version from snapshot for update`.execute(tx);
    const next = await tx
      .selectFrom("prices")
      .select("valid_from_ms")
      .where("model", "=", price.model)
      .where("valid_from_ms", ">", from)
      .orderBy("valid_from_ms")
      .limit(1)
      .executeTakeFirst();
    const inserted = await tx
      .insertInto("prices")
      .values({ ...priceToRow(price), valid_until_ms: next?.valid_from_ms ?? 0n })
      .onConflict((conflict) => conflict.column("id").doNothing())
      .executeTakeFirst();
    if (inserted.numInsertedOrUpdatedRows === 0n) return;
    await tx
      .updateTable("prices")
      .set({ valid_until_ms: from })
      .where("model", "=", price.model)
      .where("id", "<>", price.id)
      .where("valid_from_ms", "<=", from)
      .where((where) =>
        where.or([where("valid_until_ms", "=", 0n), where("valid_until_ms", ">", from)]),
      )
      .execute();
    await raiseVersion(tx);
  });
}

function recordDeclaration(
  database: Database<Schema>,
  declared: { readonly replica: string; readonly digest: string },
): Promise<void> {
  return transaction(database, async (tx) => {
    const changed = await tx
      .insertInto("declarations")
      .values(declared)
      .onConflict((conflict) =>
        conflict
          .column("replica")
          .doUpdateSet({ digest: declared.digest })
          .where("declarations.digest", "<>", declared.digest),
      )
      .returning("replica")
      .executeTakeFirst();
    if (changed !== undefined) await raiseVersion(tx);
  });
}

function recordDiscoveries(
  database: Database<Schema>,
  upstream: string,
  found: readonly Discovery[],
): Promise<bigint> {
  return transaction(database, async (tx) => {
    const names = found.map((discovery) => discovery.name);
    let gone = tx
      .updateTable("discoveries")
      .set({ is_gone: true })
      .where("upstream", "=", upstream)
      .where("is_gone", "=", false);
    if (names.length > 0) gone = gone.where("name", "not in", names);
    let changes = (await gone.executeTakeFirst()).numUpdatedRows;
    for (const discovery of found) changes += await recordOne(tx, upstream, discovery);
    // Told again what was known, nobody has to fetch the catalogue anew.
    return changes > 0n ? raiseVersion(tx) : readVersion(tx);
  });
}

/** How many rows it changed: 1, or 0 when all was known. */
async function recordOne(tx: Executor, upstream: string, found: Discovery): Promise<bigint> {
  const { numAffectedRows = 0n } = await sql`
    insert into discoveries (upstream, name, context_tokens, capabilities, is_local, is_gone,
      position)
    values (${upstream}, ${found.name}, ${found.contextTokens},
      ${JSON.stringify(found.capabilities)}, ${found.isLocal}, false, ${found.position})
    on conflict (upstream, name) do update set context_tokens = excluded.context_tokens,
      capabilities = excluded.capabilities, is_local = excluded.is_local, is_gone = false,
      position = excluded.position
    where (discoveries.context_tokens, discoveries.capabilities, discoveries.is_local,
        discoveries.is_gone, discoveries.position)
      is distinct from (excluded.context_tokens, excluded.capabilities, excluded.is_local,
        excluded.is_gone, excluded.position)`.execute(tx);
  return numAffectedRows;
}

async function readVersion(executor: Executor): Promise<bigint> {
  const { rows } = await sql<{ version: bigint }>`select version from snapshot`.execute(executor);
  return rows[0]?.version ?? 0n;
}

type PriceRow = Schema["prices"];

function rowToPrice(row: PriceRow): CataloguePrice {
  return {
    id: row.id,
    model: row.model,
    currency: row.currency,
    inputNanos: row.input_nanos,
    cachedInputNanos: row.cached_input_nanos,
    outputNanos: row.output_nanos,
    upstreamInputNanos: row.upstream_input_nanos,
    upstreamCachedInputNanos: row.upstream_cached_input_nanos,
    upstreamOutputNanos: row.upstream_output_nanos,
    validFromMs: Number(row.valid_from_ms),
    validUntilMs: Number(row.valid_until_ms),
  };
}

function priceToRow(price: CataloguePrice): PriceRow {
  return {
    id: price.id,
    model: price.model,
    currency: price.currency,
    input_nanos: price.inputNanos,
    cached_input_nanos: price.cachedInputNanos,
    output_nanos: price.outputNanos,
    upstream_input_nanos: price.upstreamInputNanos,
    upstream_cached_input_nanos: price.upstreamCachedInputNanos,
    upstream_output_nanos: price.upstreamOutputNanos,
    valid_from_ms: BigInt(price.validFromMs),
    valid_until_ms: BigInt(price.validUntilMs),
  };
}
