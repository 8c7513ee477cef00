import { Kysely, PostgresDialect, type Transaction } from "kysely";
import type { Log } from "../../telemetry/index.ts";
import type { World } from "../../world/index.ts";
import { DatabasePool, type PoolLimits } from "./database-pool.ts";
import { withRetry } from "./retry.ts";

export interface DatabaseOptions extends Partial<PoolLimits> {
  readonly world: World;
  readonly log: Log;
  /** Connections to the server, at most; every replica has its own pool. */
  readonly poolSize: number;
}

type Isolation = "read committed" | "repeatable read" | "serializable";

const defaultLimits: Omit<PoolLimits, "poolSize"> = {
  waitingMax: 512,
  connectTimeoutMs: 2000,
  statementTimeoutMs: 2000,
  idleInTransactionTimeoutMs: 10_000,
  idleTimeoutMs: 30_000,
  patienceMs: 1500,
};

/**
 * A service's database: kysely's query builder, throwing faults of `storeFaults`. `int8` columns
 * are read as bigint, `numeric` as string, `timestamptz` as Date, `bytea` as Buffer.
 */
export class Database<Schema> extends Kysely<Schema> {
  readonly world: World;
  readonly log: Log;
  readonly url: string;
  readonly #pool: DatabasePool;

  constructor(url: string, options: DatabaseOptions) {
    const { world, log, ...limits } = options;
    const pool = new DatabasePool(url, { world, log, limits: { ...defaultLimits, ...limits } });
    super({ dialect: new PostgresDialect({ pool }) });
    this.world = world;
    this.log = log;
    this.url = url;
    this.#pool = pool;
  }

  /** False from the first refused connection until one succeeds. For degraded marks, not guards. */
  get isReachable(): boolean {
    return this.#pool.isReachable;
  }

  /** When a statement last succeeded, by the world's monotonic clock. */
  get answeredAtMs(): number {
    return this.#pool.answeredAtMs;
  }

  /** Ends the pool when its statements have ended; from now on calls are `store.closed`. */
  override async destroy(): Promise<void> {
    await this.#pool.end();
  }
}

/**
 * Opens a pool; connects on first use, so that a service starts while its database is still down.
 *
 * `url` is a PostgreSQL URL: `postgres://user:password@host:5432/name`, or by Unix socket
 * `postgres://user:password@/name?host=/run/dir&port=5432`. Close with `destroy()`.
 */
export function openDatabase<Schema>(url: string, options: DatabaseOptions): Database<Schema> {
  return new Database<Schema>(url, options);
}

/**
 * Runs `run` in a transaction and commits, or rolls back when it throws. A transaction that lost
 * against another (serialization failure, deadlock) is run again as a whole, with jitter, so `run`
 * must have no effect but on the database. Throws the faults of `storeFaults`.
 */
export function transaction<Schema, Result>(
  database: Database<Schema>,
  run: (tx: Transaction<Schema>) => Promise<Result>,
  options: { readonly isolation?: Isolation; readonly attemptsMax?: number } = {},
): Promise<Result> {
  const { isolation = "read committed", attemptsMax } = options;
  return withRetry(() => database.transaction().setIsolationLevel(isolation).execute(run), {
    world: database.world,
    ...(attemptsMax !== undefined && { attemptsMax }),
  });
}
