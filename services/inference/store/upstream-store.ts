/**
 * Upstreams added by the management API, what looking at all of them found, and who wants places
 * where. One version counts every change, so that a snapshot of any replica is as good as
 * another's.
 */
import {
  type Database,
  type Executor,
  isConflict,
  notify,
  sql,
  transaction,
} from "@tandem/libs/store";
import { type DeclaredUpstream, declareUpstream } from "../core/declared-upstream.ts";
import type { HealthState } from "../core/health.ts";
import { inferenceFaults } from "../faults.ts";
import type { CredentialCipher } from "./credential-cipher.ts";
import type { Schema } from "./migrations.ts";

/** What was found by looking: outlives the replica that looked. */
export interface Finding {
  readonly upstream: string;
  readonly state: HealthState;
  readonly reason: string;
  readonly sinceMs: number;
  readonly models: readonly string[];
  readonly queueLength: number;
  readonly kvCacheRatio: number;
}

export interface UpstreamStore {
  readVersion(): Promise<bigint>;
  listManaged(): Promise<readonly DeclaredUpstream[]>;
  listFindings(): Promise<readonly Finding[]>;
  /**
   * Inserts or replaces; an empty API key keeps the stored one. `expectedVersion` 0: whatever is
   * there. Throws `version_conflict`.
   */
  put(upstream: DeclaredUpstream, expectedVersion: bigint): Promise<DeclaredUpstream>;
  /** Gives what was deleted; undefined when there was nothing. */
  delete(name: string): Promise<DeclaredUpstream | undefined>;
  /** Writes what changed; the version grows only if something did. */
  recordFindings(findings: readonly Finding[]): Promise<void>;
  /** True while this holder is the one replica that looks; holds for `leaseMs` from now. */
  holdLookout(holder: string, leaseMs: number): Promise<boolean>;
  /** Notes how many places a holder wants and gives what all holders want now. */
  recordDemand(demand: Demand): Promise<ReadonlyMap<string, number>>;
}

export interface Demand {
  readonly upstream: string;
  readonly holder: string;
  readonly wanted: number;
  readonly validMs: number;
}

export const changesChannel = "inference_changes";

export function createUpstreamStore(
  database: Database<Schema>,
  cipher: CredentialCipher,
): UpstreamStore {
  return {
    readVersion: () => readVersion(database),
    async listManaged() {
      const rows = await database.selectFrom("upstreams").selectAll().execute();
      return rows.map((row) => rowToUpstream(row, cipher));
    },
    async listFindings() {
      const rows = await database.selectFrom("findings").selectAll().execute();
      return rows.map((row) => ({
        upstream: row.upstream,
        state: row.state,
        reason: row.reason,
        sinceMs: Number(row.since_ms),
        models: row.models,
        queueLength: row.queue_length,
        kvCacheRatio: row.kv_cache_ratio,
      }));
    },
    put: (upstream, expectedVersion) =>
      putUpstream({ database, cipher }, upstream, expectedVersion),
    delete: (name) =>
      transaction(database, async (tx) => {
        const row = await tx
          .deleteFrom("upstreams")
          .where("name", "=", name)
          .returningAll()
          .executeTakeFirst();
        if (row === undefined) return undefined;
        await tx.deleteFrom("findings").where("upstream", "=", name).execute();
        await raiseVersion(tx);
        return rowToUpstream(row, cipher);
      }),
    recordFindings: (findings) => recordFindings(database, findings),
    holdLookout: (holder, leaseMs) => holdLookout(database, holder, leaseMs),
    recordDemand: (demand) => recordDemand(database, demand),
  };
}

async function readVersion(database: Executor): Promise<bigint> {
  const { rows } = await sql<{ version: bigint }>`select version from snapshot`.execute(database);
  return rows[0]?.version ?? 0n;
}

async function raiseVersion(tx: Executor): Promise<bigint> {
  const { rows } = await sql<{ version: bigint }>`
    update snapshot set version = version + 1 returning version`.execute(tx);
  const version = rows[0]?.version ?? 0n;
  await notify(tx, changesChannel, version.toString());
  return version;
}

async function putUpstream(
  { database, cipher }: { database: Database<Schema>; cipher: CredentialCipher },
  upstream: DeclaredUpstream,
  expectedVersion: bigint,
): Promise<DeclaredUpstream> {
  try {
    return await transaction(database, async (tx) => {
      const existing = await tx
        .selectFrom("upstreams")
        .select(["version", "api_key"])
        .where("name", "=", upstream.name)
        .forUpdate()
        .executeTakeFirst();
      if (expectedVersion !== 0n && existing?.version !== expectedVersion) {
        throw inferenceFaults.version_conflict();
      }
      const version = await raiseVersion(tx);
      const given = upstreamToRow(upstream, cipher);
      const apiKey = given.api_key ?? existing?.api_key ?? null;
      const row = { ...given, api_key: apiKey, version };
      await tx
        .insertInto("upstreams")
        .values(row)
        .onConflict((conflict) => conflict.column("name").doUpdateSet(row))
        .execute();
      const kept = apiKey === null ? "" : cipher.open(apiKey, upstream.name);
      return { ...upstream, apiKey: kept, version };
    });
  } catch (error) {
    if (isConflict(error)) throw inferenceFaults.version_conflict({ cause: error });
    throw error;
  }
}

async function recordFindings(
  database: Database<Schema>,
  findings: readonly Finding[],
): Promise<void> {
  if (findings.length === 0) return;
  await transaction(database, async (tx) => {
    for (const finding of findings) {
      const row = {
        upstream: finding.upstream,
        state: finding.state,
        reason: finding.reason,
        since_ms: BigInt(Math.round(finding.sinceMs)),
        models: JSON.stringify(finding.models),
        queue_length: finding.queueLength,
        kv_cache_ratio: finding.kvCacheRatio,
      };
      await tx
        .insertInto("findings")
        .values(row)
        .onConflict((conflict) => conflict.column("upstream").doUpdateSet(row))
        .execute();
    }
    await raiseVersion(tx);
  });
}

async function holdLookout(
  database: Database<Schema>,
  holder: string,
  leaseMs: number,
): Promise<boolean> {
  const { rows } = await sql<{ holder: string }>`
    update lookout
       set holder = ${holder}, held_until = now() + ${leaseMs} * interval '1 millisecond'
     where held_until < now() or holder = ${holder}
    returning holder`.execute(database);
  return rows.length === 1;
}

async function recordDemand(
  database: Database<Schema>,
  { upstream, holder, wanted, validMs }: Demand,
): Promise<ReadonlyMap<string, number>> {
  const { rows } = await sql<{ holder: string; wanted: number }>`
    with noted as (
      insert into demands (upstream, holder, wanted, valid_until)
      values (${upstream}, ${holder}, ${wanted}, now() + ${validMs} * interval '1 millisecond')
      on conflict (upstream, holder)
      do update set wanted = excluded.wanted, valid_until = excluded.valid_until
    )
    select holder, wanted from demands
     where upstream = ${upstream} and holder <> ${holder} and valid_until > now()`.execute(
    database,
  );
  return new Map([...rows.map((row) => [row.holder, row.wanted] as const), [holder, wanted]]);
}

/**
 * Seals anew what only `former` opens. Replicas may do so at once: whoever finds a credential
 * changed meanwhile leaves it alone. Resolves with how many it has sealed.
 */
export async function resealCredentials(
  database: Database<Schema>,
  { cipher, former }: { readonly cipher: CredentialCipher; readonly former: CredentialCipher },
): Promise<number> {
  const { rows } = await sql<{ name: string; sealed: Buffer }>`
    select name, api_key as sealed from upstreams where api_key is not null`.execute(database);
  let count = 0;
  for (const { name, sealed } of rows) {
    if (opens(cipher, sealed, name) || !opens(former, sealed, name)) continue;
    const anew = cipher.seal(former.open(sealed, name), name);
    await sql`update upstreams set api_key = ${anew}
      where name = ${name} and api_key = ${sealed}`.execute(database);
    count += 1;
  }
  return count;
}

function opens(cipher: CredentialCipher, sealed: Buffer, context: string): boolean {
  try {
    cipher.open(sealed, context);
    return true;
  } catch {
    return false;
  }
}

type Row = Schema["upstreams"];

function upstreamToRow(upstream: DeclaredUpstream, cipher: CredentialCipher) {
  return {
    name: upstream.name,
    profile: upstream.profile,
    base_url: upstream.baseUrl,
    api_key: upstream.apiKey === "" ? null : cipher.seal(upstream.apiKey, upstream.name),
    role: upstream.role,
    first_token_timeout_ms: upstream.firstTokenTimeoutMs,
    idle_timeout_ms: upstream.idleTimeoutMs,
    total_timeout_ms: upstream.totalTimeoutMs,
    max_concurrency: upstream.maxConcurrency,
    discover: upstream.discover,
    enabled: upstream.enabled,
    models: JSON.stringify(upstream.models),
  };
}

function rowToUpstream(
  row: { [Column in keyof Row]: Row[Column] extends infer Cell ? SelectOf<Cell> : never },
  cipher: CredentialCipher,
): DeclaredUpstream {
  return declareUpstream(
    {
      name: row.name,
      profile: row.profile,
      baseUrl: row.base_url,
      apiKey: row.api_key === null ? "" : cipher.open(row.api_key, row.name),
      role: row.role,
      source: "management",
      firstTokenTimeoutMs: row.first_token_timeout_ms,
      idleTimeoutMs: row.idle_timeout_ms,
      totalTimeoutMs: row.total_timeout_ms,
      maxConcurrency: row.max_concurrency,
      discover: row.discover,
      enabled: row.enabled,
      models: row.models,
    },
    row.version,
  );
}

type SelectOf<Cell> = Cell extends { readonly __select__: infer Selected } ? Selected : Cell;
