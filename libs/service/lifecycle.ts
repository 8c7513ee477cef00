import { assert, defineFaults } from "../kernel/index.ts";
import type { Address } from "./address.ts";
import type { Replica, Site } from "./site.ts";

/** States of a replica: starting → ready ⇄ unready → draining → closing → closed. */
type LifeState = "open" | "draining" | "closing" | "closed";

/** Takes what a replica opens, and gives the host one thing to drain and close. */
export interface Lifecycle {
  /**
   * Runs a task for as long as the replica lives. `signal` aborts when its turn to close has come;
   * a task that ends otherwise with an error ends the process, since half a replica serves nobody.
   */
  go(name: string, task: (signal: AbortSignal) => Promise<void>): void;
  /**
   * Registers how to close what was just opened. Closing goes in reverse order, each within its own
   * deadline; one that fails or takes too long is logged and passed over. `deadlineMs` of the call
   * is what is left for it. `hurry` runs when the replica is closed once more meanwhile: what it
   * was patient with has to end.
   */
  defer(
    name: string,
    close: (options: { readonly deadlineMs: number }) => Promise<void> | void,
    options?: { readonly deadlineMs?: number; readonly hurry?: () => void },
  ): void;
  /** A condition without which this replica cannot serve. Asked at every probe: keep it cheap. */
  check(name: string, isOk: () => boolean): void;
  /** Runs when draining starts, at once if it has: say `Connection: close`, stop taking jobs. */
  onDrain(run: () => void): void;
  readonly isDraining: boolean;
  /** Ends the starting state. Call it last, when the replica listens. */
  replica(address: Address): Replica;
}

interface Closer {
  readonly name: string;
  readonly deadlineMs: number;
  readonly close: (options: { readonly deadlineMs: number }) => Promise<void> | void;
  readonly hurry: (() => void) | undefined;
}

const faults = defineFaults("service", {
  close_overdue: {
    code: "deadline_exceeded",
    blame: "platform",
    retry: "never",
    publicMessage: "A part took too long to close.",
  },
});

/** What every part gets even when those before it have used the time up: a flush must happen. */
const closeFloorMs = 250;
const closeDeadlineMs = 60_000;
/** A part that takes longer is named in the log: an orderly stop should not be a wait. */
const closeSlowMs = 1000;

function crashProcess(error: unknown): void {
  setImmediate(() => {
    throw error;
  });
}

/** A lifecycle for one replica. `crash` is what happens when a task fails; tests may watch it. */
export function createLifecycle(
  site: Pick<Site, "world" | "log">,
  { crash = crashProcess }: { readonly crash?: (error: unknown) => void } = {},
): Lifecycle {
  const closers: Closer[] = [];
  const checks = new Map<string, () => boolean>();
  const drainListeners: (() => void)[] = [];
  let state: LifeState = "open";
  let closing: Promise<void> | undefined;
  let closer: Closer | undefined;
  const lifecycle: Lifecycle = {
    go: (name, task) => {
      const controller = new AbortController();
      const ended = task(controller.signal).catch((error: unknown) => {
        if (controller.signal.aborted) return;
        site.log.error("task_failed", { task: name, error: String(error) });
        checks.set(`task ${name}`, () => false);
        crash(error);
      });
      lifecycle.defer(name, () => {
        controller.abort();
        return ended;
      });
    },
    defer: (name, close, { deadlineMs = closeDeadlineMs, hurry } = {}) => {
      assert(state === "open", `${name} was opened after closing had begun`);
      closers.push({ name, close, deadlineMs, hurry });
    },
    check: (name, isOk) => {
      assert(!checks.has(name), `the check ${name} exists already`);
      checks.set(name, isOk);
    },
    onDrain: (run) => {
      if (state === "open") drainListeners.push(run);
      else run();
    },
    get isDraining() {
      return state !== "open";
    },
    replica: (address) => ({
      address,
      unreadyChecks: () => (state === "open" ? failing(checks) : [state]),
      drain,
      close: ({ deadlineMs }) => {
        if (closing === undefined) closing = closeAll(deadlineMs);
        else closer?.hurry?.();
        return closing;
      },
    }),
  };

  function drain(): void {
    if (state !== "open") return;
    state = "draining";
    for (const run of drainListeners) run();
  }

  async function closeAll(deadlineMs: number): Promise<void> {
    drain();
    state = "closing";
    const endMs = site.world.clock.monotonicMs() + deadlineMs;
    for (closer = closers.pop(); closer !== undefined; closer = closers.pop()) {
      const leftMs = Math.max(endMs - site.world.clock.monotonicMs(), closeFloorMs);
      await closeOne(site, closer, Math.min(leftMs, closer.deadlineMs));
    }
    state = "closed";
  }

  return lifecycle;
}

function failing(checks: ReadonlyMap<string, () => boolean>): readonly string[] {
  const names: string[] = [];
  for (const [name, isOk] of checks) if (!isOk()) names.push(name);
  return names;
}

async function closeOne(
  site: Pick<Site, "world" | "log">,
  { name, close }: Closer,
  deadlineMs: number,
): Promise<void> {
  const startMs = site.world.clock.monotonicMs();
  await new Promise<void>((resolve) => {
    const end = (error?: unknown): void => {
      timer.cancel();
      const durationMs = Math.round(site.world.clock.monotonicMs() - startMs);
      if (durationMs >= closeSlowMs) site.log.info("close_slow", { part: name, durationMs });
      if (error !== undefined) site.log.warn("close_failed", { part: name, error: String(error) });
      resolve();
    };
    const timer = site.world.timers.after(deadlineMs, () =>
      end(faults.close_overdue({ detail: `${name} after ${Math.round(deadlineMs)} ms` })),
    );
    Promise.resolve()
      .then(() => close({ deadlineMs }))
      .then(() => end(), end);
  });
}
