/**
 * The one error class. A fault says what happened (`reason`), in which of sixteen classes (`code`),
 * whose doing it was (`blame`), what a caller may do (`retry`), what the user may read
 * (`publicMessage`) and what only the log may read (`detail`).
 */
const brand = Symbol.for("tandem.fault");

/** The closed set of codes: gRPC's sixteen, in the spelling of the Connect protocol. */
export type FaultCode =
  | "canceled"
  | "unknown"
  | "invalid_argument"
  | "deadline_exceeded"
  | "not_found"
  | "already_exists"
  | "permission_denied"
  | "resource_exhausted"
  | "failed_precondition"
  | "aborted"
  | "out_of_range"
  | "unimplemented"
  | "internal"
  | "unavailable"
  | "data_loss"
  | "unauthenticated";

/** Who has to act; decides which alarm rings. */
export type FaultBlame = "client" | "routing" | "config" | "capacity" | "upstream" | "platform";

/** What a caller may do without changing the request. */
export type FaultRetry = "never" | "same_replica" | "another_replica" | "after_delay";

/** One reason a deployable can fail with, as listed in its `faults.ts`. */
export interface FaultDefinition {
  readonly code: FaultCode;
  readonly blame: FaultBlame;
  readonly retry: FaultRetry;
  /** Shown to users; says what happened and what to do. Never holds a secret. */
  readonly publicMessage: string;
  /** HTTP status where the code's own one is not the right one (402, 413, 431 …). */
  readonly httpStatus?: number;
}

export interface FaultOptions {
  readonly code: FaultCode;
  /** Stable dotted name, e.g. `quota.exhausted`. */
  readonly reason: string;
  readonly blame?: FaultBlame;
  readonly retry?: FaultRetry;
  readonly publicMessage: string;
  readonly detail?: string;
  readonly httpStatus?: number;
  /** Milliseconds after which a retry makes sense; goes out as `Retry-After`. */
  readonly retryAfterMs?: number;
  readonly context?: Readonly<Record<string, string | number | boolean>>;
  readonly cause?: unknown;
}

/** Connect protocol, "Error codes": https://connectrpc.com/docs/protocol/#error-codes. */
const httpStatusByCode: Readonly<Record<FaultCode, number>> = {
  canceled: 499,
  unknown: 500,
  invalid_argument: 400,
  deadline_exceeded: 504,
  not_found: 404,
  already_exists: 409,
  permission_denied: 403,
  resource_exhausted: 429,
  failed_precondition: 412,
  aborted: 409,
  out_of_range: 400,
  unimplemented: 501,
  internal: 500,
  unavailable: 503,
  data_loss: 500,
  unauthenticated: 401,
};

export function faultCodeToHttpStatus(code: FaultCode): number {
  return httpStatusByCode[code];
}

/** The nearest code for a foreign HTTP status; `unknown` for what is no error. */
export function httpStatusToFaultCode(status: number): FaultCode {
  if (status === 400 || status === 413 || status === 422 || status === 431) {
    return "invalid_argument";
  }
  if (status === 401) return "unauthenticated";
  if (status === 402 || status === 412 || status === 428) return "failed_precondition";
  if (status === 403) return "permission_denied";
  if (status === 404) return "not_found";
  if (status === 408 || status === 504) return "deadline_exceeded";
  if (status === 409) return "aborted";
  if (status === 429) return "resource_exhausted";
  if (status === 499) return "canceled";
  if (status === 501) return "unimplemented";
  if (status === 502 || status === 503) return "unavailable";
  return status >= 500 ? "internal" : "unknown";
}

export class Fault extends Error {
  override readonly name = "Fault";
  readonly code: FaultCode;
  readonly reason: string;
  readonly blame: FaultBlame;
  readonly retry: FaultRetry;
  readonly publicMessage: string;
  readonly detail: string | undefined;
  readonly httpStatus: number;
  readonly retryAfterMs: number | undefined;
  readonly context: Readonly<Record<string, string | number | boolean>>;

  constructor(options: FaultOptions) {
    super(`${options.reason}: ${options.detail ?? options.publicMessage}`, {
      cause: options.cause,
    });
    this.code = options.code;
    this.reason = options.reason;
    this.blame = options.blame ?? "platform";
    this.retry = options.retry ?? "never";
    this.publicMessage = options.publicMessage;
    this.detail = options.detail;
    this.httpStatus = options.httpStatus ?? httpStatusByCode[options.code];
    this.retryAfterMs = options.retryAfterMs;
    this.context = options.context ?? {};
    Object.defineProperty(this, brand, { value: true });
  }

  /** True for a fault of any copy of this module, across packages and threads. */
  static is(value: unknown): value is Fault {
    return typeof value === "object" && value !== null && brand in value;
  }

  /**
   * Any thrown thing as a fault. Called at four places only: the operation shell, the rpc client,
   * the HTTP server and the process entry. What is not a fault becomes `internal`, its text kept
   * for the log and out of the user's sight.
   */
  static from(value: unknown): Fault {
    if (Fault.is(value)) return value;
    const detail = value instanceof Error ? `${value.name}: ${value.message}` : String(value);
    return new Fault({
      code: "internal",
      reason: "platform.bug",
      publicMessage: "Something went wrong on our side. Quote the request id when you report it.",
      detail,
      cause: value,
    });
  }
}

type FaultMaker = (details?: {
  readonly detail?: string;
  /** Replaces the definition's message where the particulars help the reader. */
  readonly publicMessage?: string;
  readonly retryAfterMs?: number;
  readonly context?: Readonly<Record<string, string | number | boolean>>;
  readonly cause?: unknown;
}) => Fault;

/**
 * Turns a deployable's catalogue into makers:
 * `const faults = defineFaults("quota", { exhausted: {…} }); throw faults.exhausted()`.
 * The reason is `<owner>.<name>`, the name in snake_case as written.
 */
export function defineFaults<Name extends string>(
  owner: string,
  definitions: Readonly<Record<Name, FaultDefinition>>,
): Readonly<Record<Name, FaultMaker>> & {
  readonly catalogue: Readonly<Record<string, FaultDefinition>>;
} {
  const makers: Record<string, FaultMaker> = {};
  const catalogue: Record<string, FaultDefinition> = {};
  for (const [name, definition] of Object.entries<FaultDefinition>(definitions)) {
    const reason = `${owner}.${name}`;
    catalogue[reason] = definition;
    makers[name] = (details) => new Fault({ ...definition, reason, ...details });
  }
  return Object.assign(makers, { catalogue }) as ReturnType<typeof defineFaults<Name>>;
}
