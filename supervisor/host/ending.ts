import { Fault } from "@tandem/libs/kernel";
import type { Replica } from "@tandem/libs/service";
import type { Log } from "@tandem/libs/telemetry";
import { sleep, type World } from "@tandem/libs/world";
import { type OrphanRule, watchOverOrphan } from "./orphan.ts";
import type { SupervisorLink } from "./supervisor-link.ts";

interface StopOrder {
  readonly noticeMs: number;
  readonly deadlineMs: number;
}

interface Ending {
  readonly isStopping: boolean;
  /** With the time that a stop has for which nobody gave numbers. */
  stopUnasked(): Promise<void>;
  exit(): void;
  /** Says unready, keeps serving for `noticeMs`, closes all replicas, exits. Twice is in a hurry. */
  stop(order: StopOrder): Promise<void>;
  /** Tells the supervisor why this process cannot start, and exits. */
  refuse(error: unknown): void;
}

/** Of a stop that nobody gave numbers for: a signal by hand, or no supervisor for too long. */
const unasked: StopOrder = { noticeMs: 0, deadlineMs: 30_000 };

const exitCodes = { ok: 0, failed: 1, invalidConfiguration: 3, forced: 130 } as const;

/**
 * All ways in which a process ends: told to, by a signal (a second one exits at once), because its
 * supervisor is gone and no successor has come for too long, or by an error that nobody caught,
 * after which a clean process is safer than this one. A supervisor's death alone is no reason to
 * end: stopping is a decision, and a dead one has made none.
 */
export function watchForEnd(parts: {
  readonly world: World;
  readonly link: SupervisorLink;
  readonly replicas: readonly Replica[];
  /** Undefined before the site file is read: a process that serves nobody yet ends at once. */
  readonly orphanRule: () => OrphanRule | undefined;
  /** The log of the moment: before the site file is read there is only a plain one. */
  readonly log: () => Log;
}): Ending {
  const { world, link, replicas, orphanRule, log } = parts;
  let isStopping = false;

  const exit = (code: number): void => {
    log().flush();
    process.exit(code);
  };
  const crash = (event: string, error: unknown): void => {
    log().error(event, { error: String(error), stack: stackOf(error) });
    exit(exitCodes.failed);
  };
  const ending: Ending = {
    get isStopping() {
      return isStopping;
    },
    stopUnasked: () => ending.stop(unasked),
    exit: () => exit(exitCodes.ok),
    async stop(order) {
      if (isStopping) {
        for (const replica of replicas) void replica.close(order);
        return;
      }
      isStopping = true;
      for (const replica of replicas) replica.drain();
      if (order.noticeMs > 0) await sleep(world, order.noticeMs);
      await Promise.all(replicas.map((replica) => replica.close(order)));
      await orphan.leave();
      exit(exitCodes.ok);
    },
    refuse(error) {
      const fault = Fault.from(error);
      const isFinal = fault.blame === "config";
      const { reason, publicMessage: message } = fault;
      log().error("start_failed", { reason, error: fault.message, stack: stackOf(error) });
      link.tellFinally({ kind: "refused", reason, message, isFinal }, () =>
        exit(isFinal ? exitCodes.invalidConfiguration : exitCodes.failed),
      );
    },
  };

  process.on("uncaughtException", (error) => crash("uncaught_error", error));
  process.on("unhandledRejection", (error) => crash("unhandled_rejection", error));
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => {
      if (isStopping) exit(exitCodes.forced);
      void ending.stopUnasked();
    });
  }
  link.onOrder((order) => {
    if (order.kind === "stop") void ending.stop(order);
  });
  const orphan = watchOverOrphan({ world, link, rule: orphanRule, log, ending });
  return ending;
}

function stackOf(error: unknown): string | undefined {
  return error instanceof Error ? error.stack : undefined;
}
