import { Fault } from "../../kernel/index.ts";
import { storeFaults } from "../faults.ts";

/** Where an error struck: before anything was sent, or with a statement on the wire. */
export type DatabasePhase = "connect" | "statement";

interface PostgresError extends Error {
  readonly code?: string;
  readonly constraint?: string;
  readonly table?: string;
}

type FaultName = Exclude<keyof typeof storeFaults, "catalogue">;

/** By SQLSTATE, five characters; https://www.postgresql.org/docs/18/errcodes-appendix.html. */
const faultByState: Readonly<Record<string, FaultName>> = {
  "23505": "conflict",
  "23P01": "conflict",
  "23502": "violation",
  "23503": "violation",
  "23514": "violation",
  "40001": "contention",
  "40P01": "contention",
  "55P03": "contention",
  // "cached plan must not change result type": a migration passed under a prepared statement.
  "0A000": "contention",
  "22001": "unstorable",
  "22003": "unstorable",
  "22021": "unstorable",
  "22P05": "unstorable",
  "57014": "timeout",
  "25P03": "timeout",
  "25P04": "timeout",
  "57P01": "outcome_unknown",
  "57P02": "outcome_unknown",
  "57P03": "unavailable",
  "57P05": "outcome_unknown",
  // A primary that became a standby: refuse, so that the caller finds the new one.
  "25006": "unavailable",
  "53100": "full",
  "53200": "overloaded",
  "53300": "unavailable",
  "3D000": "misconfigured",
  "42501": "misconfigured",
};

/** By the first two characters, where the whole class means one thing. */
const faultByClass: Readonly<Record<string, FaultName>> = {
  "08": "outcome_unknown",
  "28": "misconfigured",
  F0: "misconfigured",
  XX: "corrupt",
};

const socketCodes = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ECONNABORTED",
  "ENOENT",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ETIMEDOUT",
  "EADDRNOTAVAIL",
]);

/** What the `pg` driver says without a code (8.23: lib/client.js, pg-pool/index.js). */
const driverMessages =
  /^(Connection terminated|timeout expired|Query read timeout|Client (has encountered|was closed))/;

const sqlState = /^[0-9A-Z]{5}$/;

function nameByState(code: string): FaultName | undefined {
  return faultByState[code] ?? faultByClass[code.slice(0, 2)];
}

function nameOf(error: PostgresError): FaultName | undefined {
  const code = error.code ?? "";
  if (socketCodes.has(code)) return "outcome_unknown";
  // The server had closed before it got the end of the statement, so it cannot have committed it.
  if (code === "EPIPE") return "unavailable";
  if (sqlState.test(code)) return nameByState(code);
  if (error.message.includes("pool after calling end")) return "closed";
  // All connections of the pool are in use, and were for too long.
  if (error.message.startsWith("timeout exceeded")) return "overloaded";
  return driverMessages.test(error.message) ? "outcome_unknown" : undefined;
}

/**
 * A thrown thing of the driver as a fault of the store; what the table does not know (wrong SQL: a
 * bug of ours) comes back as it was. The row's values, which PostgreSQL quotes in its `detail`,
 * are left out: they may be anybody's data.
 */
export function databaseErrorToFault(error: unknown, phase: DatabasePhase): unknown {
  if (Fault.is(error) || !(error instanceof Error)) return error;
  const postgres: PostgresError = error;
  let name = nameOf(postgres);
  if (name === undefined) return error;
  if (name === "outcome_unknown" && phase === "connect") name = "unavailable";
  return storeFaults[name]({
    detail: postgres.message,
    context: {
      ...(postgres.code === undefined ? {} : { sqlState: postgres.code }),
      ...(postgres.constraint === undefined ? {} : { constraint: postgres.constraint }),
      ...(postgres.table === undefined ? {} : { table: postgres.table }),
    },
    cause: error,
  });
}

/** True for a statement that met a connection which the server had closed already. */
export function isUnsent(error: unknown): boolean {
  return error instanceof Error && (error as PostgresError).code === "EPIPE";
}

/** True when the connection an error came over must not be used again. */
export function breaksConnection(error: unknown): boolean {
  if (!(error instanceof Error)) return true;
  const { code = "" } = error as PostgresError;
  if (code === "0A000") return true;
  const name = nameOf(error);
  return name === "outcome_unknown" || name === "unavailable" || name === "corrupt";
}

/** True for a uniqueness rule's refusal; of this rule only, where `constraint` is given. */
export function isConflict(error: unknown, constraint?: string): boolean {
  if (!Fault.is(error) || error.reason !== "store.conflict") return false;
  return constraint === undefined || error.context["constraint"] === constraint;
}

/** True for what `withRetry` repeats: a transaction that lost and took no effect. */
export function isContention(error: unknown): boolean {
  return Fault.is(error) && error.reason === "store.contention";
}
