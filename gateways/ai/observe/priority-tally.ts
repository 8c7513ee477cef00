import { priorities, priorityName } from "@tandem/libs/kernel";
import type { Counter, Metrics } from "@tandem/libs/telemetry";
import type { Call } from "../call.ts";

/** Requests by priority, and those of them that were turned away; a number each until told. */
export class PriorityTally {
  readonly #admitted = priorities.map(() => 0);
  readonly #shed = priorities.map(() => 0);
  readonly #counter: Counter;

  constructor(metrics: Metrics) {
    this.#counter = metrics.counter({
      name: "tandem_requests_by_priority_total",
      help: "Requests for a model, by priority: let in, or turned away for want of room.",
      labels: ["priority", "result"],
    });
  }

  count({ priority, isShed, fault }: Call): void {
    const counts = isShed && fault !== undefined ? this.#shed : this.#admitted;
    counts[priority] = (counts[priority] ?? 0) + 1;
  }

  flush(): void {
    this.#tell(this.#admitted, "admitted");
    this.#tell(this.#shed, "shed");
  }

  #tell(counts: number[], result: string): void {
    for (const [priority, count] of counts.entries()) {
      if (count > 0) this.#counter.add(count, { priority: priorityName(priority), result });
      counts[priority] = 0;
    }
  }
}
