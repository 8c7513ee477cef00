import type { Limit } from "../../services/quota/core/limit.ts";

/** What happened in a run, as far as the rules ask. Times are the scheduler's, in milliseconds. */

/** How a client saw one request end. `open`: it has not. */
export type ClientOutcome = "open" | "whole" | "cut" | "refused" | "left" | "unreachable";

/** One request as its client knows it. */
export interface ClientRequest {
  readonly number: number;
  readonly keyId: string;
  readonly organisationId: string;
  readonly isStream: boolean;
  readonly sentAtMs: number;
  /** The whole answer, if nothing goes wrong. */
  readonly reference: string;
  readonly tokens: number;
  /** How long the client waits; the router's limit is longer. */
  readonly patienceMs: number;
  /** It leaves after so many pieces of the answer. */
  readonly leavesAfter: number | undefined;
  /** Sent after all faults were over: it has to be answered. */
  readonly isProbe: boolean;
  /** It may be answered from the cache. */
  readonly mayBeCached: boolean;
  outcome: ClientOutcome;
  endedAtMs: number;
  router: string;
  requestId: string;
  status: number;
  text: string;
  /** Ends that the client was told: `[DONE]`, or the end of a whole body. */
  ends: number;
  finishes: number;
  roles: number;
  errorCode: string;
  errors: number;
  completionTokens: number | undefined;
  fields: Readonly<Record<string, string>>;
}

export interface AdminEffect {
  readonly atMs: number;
  readonly action: string;
  readonly target: string;
}

export interface AuditEntry extends AdminEffect {
  readonly hash: string;
  readonly previousHash: string;
  readonly text: string;
}

export interface BookedSettlement {
  readonly requestId: string;
  readonly organisationId: string;
  readonly reservedNanos: bigint;
  /** What the gateway asked for. */
  readonly chargedNanos: bigint;
  /** What the books took. */
  readonly bookedNanos: bigint;
  readonly outputTokens: number;
  readonly isEstimated: boolean;
  readonly outcome: string;
  readonly atMs: number;
  readonly oddities: readonly string[];
}

/** What was taken off a settlement again, since a part had been estimated too high. */
export interface TakenOff {
  readonly settlementId: string;
  readonly nanos: bigint;
  readonly outputTokens: number;
}

export interface Transfer {
  readonly debit: string;
  readonly credit: string;
  readonly nanos: bigint;
  readonly reference: string;
}

/** The effect of one delivered event at its consumer. */
export interface EventEffect {
  readonly eventId: string;
  readonly requestId: string;
  readonly chargedNanos: bigint;
}

/** A gateway's own count of what it let through a limit. */
export interface LimitUse {
  readonly limitId: string;
  readonly atMs: number;
  readonly granted: number;
}

export interface FaultNote {
  readonly fromMs: number;
  readonly untilMs: number;
  readonly kind: string;
  readonly target: string;
}

/** The state of one replica at the end of a run, after all faults had been over for a while. */
export interface ReplicaAtEnd {
  readonly name: string;
  readonly unready: readonly string[];
}

export interface History {
  readonly requests: ClientRequest[];
  readonly settlements: BookedSettlement[];
  readonly givenBack: TakenOff[];
  readonly transfers: Transfer[];
  /** Amounts by account as the books keep them beside the transfers. */
  readonly balances: Map<string, bigint>;
  readonly eventsOut: { readonly eventId: string; readonly requestIds: readonly string[] }[];
  readonly effects: EventEffect[];
  /** Settlements that the books would not take. */
  readonly refusals: { readonly requestId: string; readonly reason: string }[];
  readonly grants: LimitUse[];
  readonly revocations: { readonly keyId: string; readonly atMs: number }[];
  readonly adminEffects: AdminEffect[];
  readonly audit: AuditEntry[];
  readonly faults: FaultNote[];
  readonly atEnd: {
    replicas: readonly ReplicaAtEnd[];
    pendingEvents: number;
    parkedEvents: number;
    /** Money that leases hold although every request is over. */
    heldNanos: bigint;
    /** Calls that upstreams are answering although every client has its answer. */
    upstreamCalls: number;
  };
  readonly limits: Limit[];
}

export function newHistory(): History {
  return {
    requests: [],
    settlements: [],
    givenBack: [],
    transfers: [],
    balances: new Map(),
    eventsOut: [],
    effects: [],
    refusals: [],
    grants: [],
    revocations: [],
    adminEffects: [],
    audit: [],
    faults: [],
    atEnd: {
      replicas: [],
      pendingEvents: 0,
      parkedEvents: 0,
      heldNanos: 0n,
      upstreamCalls: 0,
    },
    limits: [],
  };
}
