import { type ClientCall, createClientPool } from "@tandem/libs/http";
import type { Timer, World } from "@tandem/libs/world";

export interface ProbeOptions {
  readonly address: string;
  readonly world: World;
  /** Give or take a tenth, so that the probes of many routers do not march in step. */
  readonly periodMs: number;
  readonly timeoutMs: number;
  /** Nobody sends it anything at the moment. */
  isQuiet(): boolean;
  onResult(result: ProbeResult): void;
}

/** `unready` is an answer too: such a replica finishes what it has, a `silent` one may not. */
export type ProbeResult = "ready" | "unready" | "silent";

export interface Probe {
  /** Asks now, unless it is asking: somebody begins to send. */
  hurry(): void;
  stop(): void;
}

/** A silent one is asked more often: requests may be waiting for it, and asking costs little. */
const silentFactor = 5;
/**
 * One that is ready while nobody sends anything is asked so much less often. Whoever begins to send
 * asks at once: a replica that froze meanwhile is found as soon after the first request as one that
 * freezes under requests, and sooner than the next probe of those would be due.
 */
const quietFactor = 4;
/** Answers in a row that it is ready, until it is; one that comes back has to give them quickly. */
const settledAfter = 2;

/** The limit of the whole probe is what ends one that does not come to stand. */
const connectTimeoutMs = 10_000;
/** A limit that rings so late says that this router is late, not that nobody has answered. */
const lateMs = 5;
/** Turns in which it may still read the answer: one to connect, one to send, one to read. */
const lateTurnsMax = 3;

const request = { method: "GET", target: "/readyz", headers: [] } as const;

function pauseAfter(result: ProbeResult, { world, periodMs }: ProbeOptions): number {
  const jitter = 0.9 + 0.2 * world.randomness.fraction();
  return (result === "silent" ? periodMs / silentFactor : periodMs) * jitter;
}

/** All of a quiet router's probes at the same moments, so that it wakes up once for them. */
function quietPauseMs({ world, periodMs }: ProbeOptions): number {
  const pauseMs = periodMs * quietFactor;
  const nowMs = world.clock.monotonicMs();
  return Math.round((nowMs + pauseMs) / pauseMs) * pauseMs - nowMs;
}

/** Asks one replica again and again whether it is ready, over a connection kept for that. */
export function startProbe(options: ProbeOptions): Probe {
  const { address, world, timeoutMs, isQuiet, onResult } = options;
  const pool = createClientPool({
    address,
    world,
    limits: { connections: 2, connectTimeoutMs },
  });
  let timer: Timer | undefined;
  let call: ClientCall | undefined;
  let isStopped = false;
  let isAsking = false;
  let readyInRow = 0;

  const schedule = (result: ProbeResult): void => {
    const isSettled = readyInRow >= settledAfter && isQuiet();
    const pauseMs = isSettled ? quietPauseMs(options) : pauseAfter(result, options);
    timer = world.timers.after(pauseMs, ask);
  };
  const ask = (): void => {
    let status = 0;
    isAsking = true;
    const end = (result: ProbeResult): void => {
      timer?.cancel();
      call = undefined;
      isAsking = false;
      if (isStopped) return;
      readyInRow = result === "ready" ? readyInRow + 1 : 0;
      onResult(result);
      schedule(result);
    };
    const giveUp = (): void => {
      call?.cancel();
      end("silent");
    };
    const giveUpAfter = (delayMs: number, turnsLeft: number): void => {
      const dueAtMs = world.clock.monotonicMs() + delayMs;
      timer = world.timers.after(delayMs, () => {
        const isLate = world.clock.monotonicMs() - dueAtMs > lateMs;
        if (isLate && turnsLeft > 0) giveUpAfter(lateMs, turnsLeft - 1);
        else giveUp();
      });
    };
    giveUpAfter(timeoutMs, lateTurnsMax);
    call = pool.send(request, {
      onHead: (head) => {
        status = head.status;
      },
      onChunk: () => undefined,
      onEnd: () => end(status === 200 ? "ready" : "unready"),
      onFailure: () => end("silent"),
    });
  };
  ask();
  return {
    hurry: () => {
      if (isAsking || isStopped) return;
      timer?.cancel();
      ask();
    },
    stop: () => {
      isStopped = true;
      timer?.cancel();
      call?.cancel();
      pool.close();
    },
  };
}
