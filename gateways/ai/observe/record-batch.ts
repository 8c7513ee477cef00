import type { RequestRecord } from "@tandem/contracts/rpc/monitoring/v1/monitoring_pb";
import type { PhaseRecord } from "@tandem/libs/gateway";
import type { MessageInit } from "@tandem/libs/rpc";
import type { Log } from "@tandem/libs/telemetry";
import type { World } from "@tandem/libs/world";
import { citedArticles } from "../answer-fields.ts";
import type { Call } from "../call.ts";
import { traceIdOf } from "./request-log.ts";

export type RecordInit = MessageInit<RequestRecord>;

/** Records that wait for the monitoring service, at most; the oldest go first. */
const waitingMax = 5_000;
const batchMax = 500;

export interface RecordBatchParts {
  readonly world: World;
  readonly log: Log;
  readonly replicaId: string;
  readonly send: (records: readonly RecordInit[]) => Promise<void>;
}

/**
 * What became of requests, on its way to the monitoring service in batches. Losing some fails
 * nobody: while the service is away the newest are kept.
 */
export class RecordBatch {
  readonly #parts: RecordBatchParts;
  #waiting: RecordInit[] = [];
  #isSending: boolean = false;
  #lost = 0;

  constructor(parts: RecordBatchParts) {
    this.#parts = parts;
  }

  add(call: Call, durationMs: number): void {
    if (this.#waiting.length >= waitingMax) {
      this.#waiting.shift();
      this.#lost += 1;
    }
    this.#waiting.push(recordOf(call, { durationMs, parts: this.#parts }));
  }

  /** Called every 200 ms. */
  tick(): void {
    if (!this.#isSending && this.#waiting.length > 0) void this.flush();
  }

  async flush(): Promise<void> {
    this.#isSending = true;
    const batch = this.#waiting.splice(0, batchMax);
    try {
      if (batch.length > 0) await this.#parts.send(batch);
      if (this.#lost > 0) this.#parts.log.warn("request_records_lost", { records: this.#lost });
      this.#lost = 0;
    } catch {
      const room = Math.max(0, waitingMax - this.#waiting.length);
      this.#lost += Math.max(0, batch.length - room);
      this.#waiting.unshift(...batch.slice(batch.length - Math.min(batch.length, room)));
    } finally {
      this.#isSending = false;
    }
  }
}

function recordOf(
  call: Call,
  { durationMs, parts }: { readonly durationMs: number; readonly parts: RecordBatchParts },
): RecordInit {
  const { payer, usage, fault } = call;
  return {
    requestId: call.requestId,
    traceId: traceIdOf(call) ?? "",
    organisationId: payer?.organisationId ?? "",
    projectId: payer?.projectId ?? "",
    keyId: payer?.keyId ?? "",
    endpoint: call.endpoint,
    model: call.knownModel?.id ?? "",
    upstream: call.target?.upstream.settings.name ?? "",
    status: call.status,
    fault: fault?.reason ?? "",
    outcome: call.outcome,
    atMs: BigInt(Math.floor(parts.world.clock.nowMs() - durationMs)),
    durationMs,
    firstTokenMs: call.firstTokenMs,
    phases: call.trace.records().map(phaseOf),
    attempts: call.attempts.map(({ failure, ...attempt }) => ({ ...attempt, fault: failure })),
    inputTokens: usage.inputTokens,
    outputTokens: usage.outputTokens,
    chargedNanos: call.chargedNanos,
    currency: call.price?.currency ?? "",
    gateway: parts.replicaId,
    stream: call.validRequest?.isStream ?? false,
    cache: call.cacheMark,
    articles: call.articles === undefined ? [] : [...citedArticles(call.articles.citations)],
  };
}

function phaseOf({ name, startMs, durationMs, outcome, note }: PhaseRecord) {
  return { name, startMs, durationMs, outcome, note };
}
