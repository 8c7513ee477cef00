import type { PostgresPool, PostgresPoolClient } from "kysely";
import pg from "pg";
import { Fault } from "../../kernel/index.ts";
import type { Log } from "../../telemetry/index.ts";
import type { World } from "../../world/index.ts";
import { ConnectionGate } from "./connection-gate.ts";
import { ConnectionSlots } from "./connection-slots.ts";
import { breaksConnection, databaseErrorToFault, isUnsent } from "./database-faults.ts";

const oidOfBigint = 20;
/** Statements that get a name on the server, at most; each costs it some 10 KiB a connection. */
const namedStatementsMax = 256;

export interface PoolLimits {
  /** Connections to the server, at most. */
  readonly poolSize: number;
  /** Callers that wait for a connection, at most; more are refused with `store.overloaded`. */
  readonly waitingMax: number;
  /** For a connection to be made, or to become free. */
  readonly connectTimeoutMs: number;
  /** For one statement, on the server; 0 for none. */
  readonly statementTimeoutMs: number;
  /** A transaction that does nothing for this long is ended by the server, its locks with it. */
  readonly idleInTransactionTimeoutMs: number;
  /** A connection unused for this long is closed. */
  readonly idleTimeoutMs: number;
  /** How long callers wait for a server that went away before they are refused at once. */
  readonly patienceMs: number;
}

/** Names for the statements that come again, so that the server parses and plans them once. */
class StatementNames {
  readonly #seen = new Set<string>();
  readonly #names = new Map<string, string>();

  nameOf(sql: string): string | undefined {
    const name = this.#names.get(sql);
    if (name !== undefined || this.#names.size >= namedStatementsMax) return name;
    if (!this.#seen.has(sql)) {
      // Texts that differ with each call (lists of varying length) must not fill the memory.
      if (this.#seen.size >= namedStatementsMax * 4) this.#seen.clear();
      this.#seen.add(sql);
      return undefined;
    }
    this.#seen.delete(sql);
    const created = `t${this.#names.size}`;
    this.#names.set(sql, created);
    return created;
  }
}

/** The settings of one connection; int8 comes as bigint, for money and sequence numbers. */
export function clientSettings(url: string, limits: PoolLimits, name: string): pg.ClientConfig {
  return {
    connectionString: url,
    application_name: name,
    connectionTimeoutMillis: limits.connectTimeoutMs,
    ...(limits.statementTimeoutMs > 0 && {
      statement_timeout: limits.statementTimeoutMs,
      // The server's own limit comes first; this one is for a network that fell silent.
      query_timeout: limits.statementTimeoutMs + 1000,
    }),
    idle_in_transaction_session_timeout: limits.idleInTransactionTimeoutMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: 5000,
    types: {
      getTypeParser: (oid: number, format?: "text" | "binary") =>
        oid === oidOfBigint && format !== "binary" ? BigInt : pg.types.getTypeParser(oid, format),
    },
  };
}

/**
 * A `pg` pool behind a gate: errors become faults, connections that broke are thrown away, the
 * queue is bounded, a server that is away is probed by one.
 */
export class DatabasePool implements PostgresPool {
  readonly options = {};
  readonly #pool: pg.Pool;
  readonly #gate: ConnectionGate;
  readonly #slots: ConnectionSlots;
  readonly #log: Log;
  readonly #names = new StatementNames();
  readonly #world: World;
  #answeredAtMs = Number.NEGATIVE_INFINITY;

  constructor(
    url: string,
    options: { readonly world: World; readonly log: Log; readonly limits: PoolLimits },
  ) {
    const { world, log, limits } = options;
    this.#log = log;
    this.#world = world;
    this.#pool = new pg.Pool({
      ...clientSettings(url, limits, "tandem"),
      max: limits.poolSize,
      idleTimeoutMillis: limits.idleTimeoutMs,
      allowExitOnIdle: true,
    });
    // An idle connection that breaks is gone from the pool already; without a listener the event
    // would end the process. The same holds for one that is in use, hence the second.
    this.#pool.on("error", () => {});
    this.#pool.on("connect", (client) => client.on("error", () => {}));
    this.#slots = new ConnectionSlots({
      world,
      slotsMax: limits.poolSize,
      waitingMax: limits.waitingMax,
      timeoutMs: limits.connectTimeoutMs,
    });
    this.#gate = new ConnectionGate({
      world,
      patienceMs: limits.patienceMs,
      probe: () => this.#probe(),
    });
  }

  get isReachable(): boolean {
    return this.#gate.isOpen;
  }

  get answeredAtMs(): number {
    return this.#answeredAtMs;
  }

  async connect(): Promise<PostgresPoolClient> {
    await this.#slots.enter();
    try {
      return this.#wrap(await this.#acquire());
    } catch (error) {
      this.#slots.leave();
      throw error;
    }
  }

  async end(): Promise<void> {
    this.#gate.close();
    this.#slots.close();
    await this.#pool.end();
  }

  async #acquire(): Promise<pg.PoolClient> {
    for (;;) {
      await this.#gate.pass();
      try {
        return await this.#pool.connect();
      } catch (error) {
        const fault = databaseErrorToFault(error, "connect");
        if (!isUnavailable(fault)) throw fault;
        if (this.#gate.reportFailure(error)) {
          this.#log.warn("database_unreachable", { error: String(error) });
        }
      }
    }
  }

  async #probe(): Promise<void> {
    try {
      const client = await this.#pool.connect();
      client.release();
      this.#log.info("database_reachable");
    } catch (error) {
      // Any other refusal (wrong password) is an answer: let callers through to get it themselves.
      if (isUnavailable(databaseErrorToFault(error, "connect"))) throw error;
    }
  }

  #wrap(first: pg.PoolClient): PostgresPoolClient {
    let client = first;
    let isBroken = false;
    let isUsed = false;
    let isHeld = true;
    const query = async (sql: string, parameters: readonly unknown[]): Promise<pg.QueryResult> => {
      try {
        const result = await this.#send(client, sql, parameters);
        this.#answeredAtMs = this.#world.clock.monotonicMs();
        return result;
      } catch (error) {
        isBroken ||= breaksConnection(error);
        if (isUsed || !isUnsent(error)) throw databaseErrorToFault(error, "statement");
      } finally {
        isUsed = true;
      }
      // It broke while it lay idle, and we are the first to notice: take another one.
      client.release(true);
      isHeld = false;
      client = await this.#acquire();
      isHeld = true;
      isBroken = false;
      return query(sql, parameters);
    };
    return {
      // kysely's type has an overload for cursors, which are for streaming; we have none.
      query: query as unknown as PostgresPoolClient["query"],
      release: (destroy = false) => {
        if (isHeld) client.release(destroy || isBroken);
        this.#slots.leave();
      },
    };
  }

  async #send(
    client: pg.PoolClient,
    sql: string,
    parameters: readonly unknown[],
  ): Promise<pg.QueryResult> {
    const values = [...parameters];
    const name = values.length === 0 ? undefined : this.#names.nameOf(sql);
    if (name === undefined) return client.query(sql, values);
    try {
      return await client.query({ name, text: sql, values });
    } catch (error) {
      // The schema changed under a prepared statement, which did nothing. Outside of a transaction
      // it can be sent again, as text.
      if (!isStalePlan(error) || client.getTransactionStatus() !== "I") throw error;
      return client.query(sql, values);
    }
  }
}

function isStalePlan(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "0A000";
}

function isUnavailable(error: unknown): boolean {
  return Fault.is(error) && error.reason === "store.unavailable";
}
