import type { Log, Metrics } from "@tandem/libs/telemetry";
import type { Call } from "../call.ts";
import { type CallMetrics, createCallMetrics } from "./call-metrics.ts";
import { DetailBudget } from "./detail-budget.ts";
import type { RecordBatch } from "./record-batch.ts";
import { logCall } from "./request-log.ts";

/** Everything that is told of a request once it is over; nothing of it is waited for. */
export class Observer {
  readonly #log: Log;
  readonly #records: RecordBatch;
  readonly #metrics: CallMetrics;
  readonly #budget: DetailBudget;
  readonly #slowMs: number;
  readonly #streams: { readonly open: number };
  #inFlight = 0;

  constructor(given: {
    readonly log: Log;
    readonly metrics: Metrics;
    readonly records: RecordBatch;
    readonly detailsPerSecond: number;
    readonly slowMs: number;
    /** Streams that are being generated. */
    readonly streams: { readonly open: number };
  }) {
    this.#streams = given.streams;
    this.#log = given.log;
    this.#records = given.records;
    this.#metrics = createCallMetrics(given.metrics);
    this.#budget = new DetailBudget(given.detailsPerSecond);
    this.#slowMs = given.slowMs;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  started(): void {
    this.#inFlight += 1;
  }

  ended(call: Call, nowMs: number): void {
    this.#inFlight -= 1;
    if (call.isMoved) return;
    const durationMs = nowMs - call.trace.startedMs;
    this.#metrics.observe(call, durationMs);
    // Telling of each that is turned away in a flood would be work nobody has the time for.
    const isOdd = !call.isShed && (call.status >= 500 || call.fault?.blame === "platform");
    if (!isOdd && durationMs < this.#slowMs && !this.#budget.take(nowMs)) return;
    this.#records.add(call, durationMs);
    logCall(this.#log, call, durationMs);
  }

  /** Called every 200 ms. */
  tick(): void {
    this.#metrics.flush({ inFlight: this.#inFlight, streamsOpen: this.#streams.open });
    this.#records.tick();
  }
}
