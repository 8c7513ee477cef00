import { Fault } from "../../kernel/index.ts";
import type { Clock } from "../../world/index.ts";
import { PhaseTrace } from "./phase-trace.ts";

/**
 * What a phase says when it is through: `done`; `skipped`, since there was nothing for it to do;
 * `answered`, since the answer is known and only the phases that always run are left.
 */
export type PhaseResult = "done" | "skipped" | "answered";

/** One named step of a request. */
export interface Phase<Call> {
  /** As traces, metrics and people name it: `check_quota`. */
  readonly name: string;
  /** Reasons of the faults it may throw, for readers and for a test that holds it to them. */
  readonly throws: readonly string[];
  /** Whether the whole request may still be sent again elsewhere once this phase has begun. */
  readonly isRepeatable: boolean;
  /** Runs also when an earlier phase failed or answered: what closes a request. */
  readonly always?: boolean;
  run(call: Call): PhaseResult | Promise<PhaseResult>;
}

/** What the runner keeps in a call. */
export interface PhasedCall {
  readonly trace: PhaseTrace;
  /** The first thing that went wrong; phases that always run look at it. */
  fault: Fault | undefined;
}

export interface PhaseRunner<Call extends PhasedCall> {
  /** A trace for one call of this runner. */
  startTrace(): PhaseTrace;
  /** Takes the call through all phases. Never rejects: what went wrong is in the call. */
  run(call: Call): Promise<void>;
}

/**
 * Takes calls through named phases in order. A phase that throws ends the others, except those
 * that always run; its fault stays in the call. Phases that answer synchronously cost no turn of
 * the event loop, and a phase's end is the next one's beginning: 12 phases take some 0.5 µs.
 */
export function createPhaseRunner<Call extends PhasedCall>(
  phases: readonly Phase<Call>[],
  { clock }: { readonly clock: Clock },
): PhaseRunner<Call> {
  const names = phases.map(({ name }) => name);
  return {
    startTrace: () => new PhaseTrace(names, clock.monotonicMs()),
    async run(call) {
      const { trace } = call;
      let isOver = call.fault !== undefined;
      for (let index = 0; index < phases.length; index += 1) {
        const phase = phases[index];
        if (phase === undefined || (isOver && phase.always !== true)) continue;
        try {
          trace.begin(index);
          const running = phase.run(call);
          const result = typeof running === "string" ? running : await running;
          if (result === "answered") isOver = true;
          trace.end(index, { outcome: result === "skipped" ? "skipped" : "ok", clock });
        } catch (error) {
          call.fault ??= Fault.from(error);
          isOver = true;
          trace.end(index, { outcome: "failed", clock });
        }
      }
    },
  };
}
