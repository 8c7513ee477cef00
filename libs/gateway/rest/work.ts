import type { Exchange } from "../../http/index.ts";
import type { Log, Metrics } from "../../telemetry/index.ts";
import type { World } from "../../world/index.ts";
import type { Caller } from "./caller.ts";
import type { Idempotency, IdempotentRun, StoredAnswer } from "./idempotency.ts";
import type { Route } from "./route.ts";
import type { RouteTable } from "./route-table.ts";
import type { BegunFile } from "./send-file.ts";
import type { SlowRoutes } from "./slow-routes.ts";
import type { StaleAnswers } from "./stale-answers.ts";

/** What is known of a request before anybody has been asked who sent it. */
export interface Arrival {
  readonly exchange: Exchange;
  readonly requestId: string;
  /** Of the client, as the router saw it; empty when unknown. */
  readonly remoteAddress: string;
  /** The client came over TLS. */
  readonly isSecure: boolean;
  /** Milliseconds left until the request's deadline. */
  remainingMs(): number;
}

/** Finds out who is calling. Undefined: no credentials at all. Throws for bad ones. */
export type Authenticate = (arrival: Arrival) => Promise<Caller | undefined>;

/** What a management server is made of. */
export interface RestParts<Services> {
  readonly table: RouteTable<Services>;
  readonly services: Services;
  readonly authenticate: Authenticate;
  readonly idempotency: Idempotency;
  readonly stale: StaleAnswers;
  readonly world: World;
  readonly log: Log;
  readonly metrics: Metrics;
  /** For metrics and log lines: the gateway's name. */
  readonly component: string;
  /** Milliseconds a request may take. */
  readonly deadlineMs: number;
  /** Milliseconds to wait for a service when the last good answer could stand in. */
  readonly staleAfterMs: number;
}

/** The same with what the server itself remembers. */
export interface WorkParts<Services> extends RestParts<Services> {
  readonly slow: SlowRoutes;
}

/** One request on its way through the phases; each fills in what the next ones read. */
export interface RestWork<Services> {
  readonly arrival: Arrival;
  readonly parts: WorkParts<Services>;
  readonly route: Route<Services>;
  readonly rawParams: Readonly<Record<string, string | undefined>>;
  caller: Caller;
  params: unknown;
  query: unknown;
  /** As it came, before its schema changed it; what an idempotency key is bound to. */
  rawBody: unknown;
  body: unknown;
  bytes: Uint8Array;
  idempotencyKey: string;
  expectedVersion: bigint;
  /** The right to carry the request out, while its idempotency key is locked. */
  run: IdempotentRun | undefined;
  /** Set by the first phase that knows the answer; the phases behind it are passed over. */
  answer: StoredAnswer | undefined;
  /** What follows the head of the answer, piece by piece. */
  file: BegunFile | undefined;
  /** What is not as fresh or as whole as it should be, in the words of `x-tandem-degraded`. */
  readonly marks: Set<string>;
}

/** One named step. */
export interface RestPhase {
  readonly name: string;
  run<Services>(work: RestWork<Services>): Promise<void> | void;
}
