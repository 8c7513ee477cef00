/** What a server puts up with before it refuses (reference: RFC 9110 section 15.5, RFC 6585). */
export interface ServerLimits {
  /** Request line and fields together, in bytes; beyond it 431. */
  readonly headBytes: number;
  /** Number of fields; beyond it 431. */
  readonly fields: number;
  /** Request target in bytes; beyond it 414. */
  readonly targetBytes: number;
  /** From the first byte of a head to its last, in milliseconds; beyond it 408. */
  readonly headTimeoutMs: number;
  /** Longest silence while a body is awaited, in milliseconds; beyond it 408. */
  readonly bodyIdleTimeoutMs: number;
  /** Least average pace of a body, in bytes a second, once `bodyRateGraceMs` have passed. */
  readonly bodyRateMin: number;
  readonly bodyRateGraceMs: number;
  /** How long a connection may wait for its next request, in milliseconds. */
  readonly idleTimeoutMs: number;
  /** How long a peer may leave written bytes unread, in milliseconds, before it is cut off. */
  readonly writeStallTimeoutMs: number;
  /** Requests on one connection; the last one is answered with `connection: close`. */
  readonly requestsPerConnection: number;
  /** Open connections of one address; Unix sockets are not counted. */
  readonly connectionsPerAddress: number;
  /** Open connections altogether. */
  readonly connections: number;
}

export const serverLimitsDefault: ServerLimits = {
  headBytes: 16_384,
  fields: 64,
  targetBytes: 8_192,
  headTimeoutMs: 10_000,
  bodyIdleTimeoutMs: 30_000,
  bodyRateMin: 1_000,
  bodyRateGraceMs: 5_000,
  idleTimeoutMs: 75_000,
  writeStallTimeoutMs: 120_000,
  requestsPerConnection: 1_000,
  connectionsPerAddress: 512,
  connections: 20_000,
};

const sweepMs = 250;
const slowSweepMs = 1_000;
/** Of a limit, what it may be kept late by. */
const lateShare = 0.2;

/**
 * How often connections with such limits are looked at, which keeps a limit to within as much: four
 * times a second, and once where all of them are of seconds. A process that nobody calls is awake
 * for little else.
 */
export function sweepPeriodMs(limitsMs: readonly number[]): number {
  return Math.min(...limitsMs) * lateShare >= slowSweepMs ? slowSweepMs : sweepMs;
}

/** What a client pool allows itself and its server. */
export interface ClientLimits {
  /** Status line and fields together, in bytes. */
  readonly headBytes: number;
  readonly fields: number;
  /** Until the connection stands (TLS included), in milliseconds. */
  readonly connectTimeoutMs: number;
  /** How long an unused connection is kept, in milliseconds. Must be below the server's. */
  readonly idleTimeoutMs: number;
  readonly connections: number;
  /** Requests that wait for a connection; one more fails with `http.pool_exhausted`. */
  readonly queue: number;
}

export const clientLimitsDefault: ClientLimits = {
  headBytes: 65_536,
  fields: 128,
  connectTimeoutMs: 2_000,
  idleTimeoutMs: 30_000,
  connections: 1_024,
  queue: 1_024,
};

/** Bytes that may wait for a slow reader before its source is paused. */
export const highWaterBytes = 65_536;

/** A body that nobody wanted is read to its end up to here, so that the connection can stay. */
export const discardBytesMax = 65_536;
