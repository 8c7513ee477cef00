import type { Exchange } from "@tandem/libs/http";
import { priorityDefault, priorityField, priorityOf } from "@tandem/libs/kernel";
import type { World } from "@tandem/libs/world";
import type { Lane, Ticket } from "../core/lane.ts";
import { describeState, retryAfterMs } from "../core/model-state.ts";
import { faults } from "../faults.ts";
import type { ModelHost } from "../generation/model-host.ts";

export interface AdmissionOptions<Loaded> {
  readonly host: ModelHost<Loaded>;
  readonly lane: Lane;
  /** How much the request matters; see `libs/kernel/priority.ts`. */
  readonly priority: number;
  readonly world: World;
  readonly waitTimeoutMs: number;
  /** Answer at once when the model is not there yet. */
  readonly isImpatient: boolean;
  /** Rings when the caller has gone or the engine closes. */
  readonly signal: AbortSignal;
  /** Told of the ticket as soon as there is one. */
  readonly onTicket: (ticket: Ticket) => void;
}

/** The priority of an engine's caller, which is the gateway; others may name one themselves. */
export function priorityIn({ head }: Exchange): number {
  return priorityOf(head.headers.get(priorityField) ?? "") ?? priorityDefault;
}

/** Milliseconds a short answer takes; for the hint of when to come back. */
const turnMs = 5000;

/**
 * Waits for the model and then for the turn. The caller has to `leave()` the ticket in the end.
 * Throws `engine.model_loading`, `engine.model_failed`, `engine.queue_full`, `engine.wait_too_long`
 * or, when the signal rang, `engine.closing`; the place in the queue is given up then.
 */
export function admit<Loaded>(
  options: AdmissionOptions<Loaded>,
): Promise<{ readonly loaded: Loaded; readonly ticket: Ticket }> {
  const { host, lane, priority, world, waitTimeoutMs, isImpatient, signal, onTicket } = options;
  return new Promise((resolve, reject) => {
    if (host.loaded === undefined && (isImpatient || host.state.kind === "failed")) {
      reject(notReady(host));
      return;
    }
    const queueFull = () =>
      faults.queue_full({ retryAfterMs: Math.min(60_000, lane.waiting * turnMs) });
    const ticket = lane.join({
      priority,
      onTurn: () => {
        stopWaiting();
        if (host.loaded !== undefined) resolve({ loaded: host.loaded, ticket: own });
      },
      onRefused: () => giveUp(queueFull()),
    });
    if (ticket === undefined) {
      reject(queueFull());
      return;
    }
    const own = ticket;
    const giveUp = (error: Error): void => {
      stopWaiting();
      own.leave();
      reject(error);
    };
    const onAbort = (): void => giveUp(faults.closing());
    const timer = world.timers.after(waitTimeoutMs, () =>
      giveUp(faults.wait_too_long({ retryAfterMs: retryAfterMs(host.state) })),
    );
    let waiter: { cancel(): void } | undefined;
    function stopWaiting(): void {
      timer.cancel();
      waiter?.cancel();
      signal.removeEventListener("abort", onAbort);
    }
    signal.addEventListener("abort", onAbort);
    onTicket(own);
    if (signal.aborted) giveUp(faults.closing());
    else if (host.loaded !== undefined) own.ready();
    else {
      waiter = host.whenSettled((isReady) => (isReady ? own.ready() : giveUp(notReady(host))));
    }
  });
}

function notReady(host: ModelHost<unknown>) {
  if (host.isClosing) return faults.closing();
  const { state, facts } = host;
  const { message } = describeState(state);
  const options = {
    publicMessage: `${facts.id} is not ready. ${message}`,
    retryAfterMs: retryAfterMs(state),
  };
  return state.kind === "failed" ? faults.model_failed(options) : faults.model_loading(options);
}
