import { type ClientCall, createClientPool } from "@tandem/libs/http";
import type { Timer, World } from "@tandem/libs/world";

export interface ProbeOptions {
  readonly address: string;
  readonly world: World;
  /** Give or take a tenth, so that the probes of many routers do not march in step. */
  readonly periodMs: number;
  readonly timeoutMs: number;
  onResult(result: ProbeResult): void;
}

/** `unready` is an answer too: such a replica finishes what it has, a `silent` one may not. */
export type ProbeResult = "ready" | "unready" | "silent";

export interface Probe {
  stop(): void;
}

/** A silent one is asked more often: requests may be waiting for it, and asking costs little. */
const silentFactor = 5;

/** The limit of the whole probe is what ends one that does not come to stand. */
const connectTimeoutMs = 10_000;
/** A limit that rings so late says that this router is late, not that nobody has answered. */
const lateMs = 5;
/** Turns in which it may still read the answer: one to connect, one to send, one to read. */
const lateTurnsMax = 3;

const request = { method: "GET", target: "/readyz", headers: [] } as const;

/** Asks one replica again and again whether it is ready, over a connection kept for that. */
export function startProbe({ address, world, periodMs, timeoutMs, onResult }: ProbeOptions): Probe {
  const pool = createClientPool({
    address,
    world,
    limits: { connections: 2, connectTimeoutMs },
  });
  let timer: Timer | undefined;
  let call: ClientCall | undefined;
  let isStopped = false;

  const schedule = (result: ProbeResult): void => {
    const jitter = 0.9 + 0.2 * world.randomness.fraction();
    const delayMs = result === "silent" ? periodMs / silentFactor : periodMs;
    timer = world.timers.after(delayMs * jitter, ask);
  };
  const ask = (): void => {
    let status = 0;
    const end = (result: ProbeResult): void => {
      timer?.cancel();
      call = undefined;
      if (isStopped) return;
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
    stop: () => {
      isStopped = true;
      timer?.cancel();
      call?.cancel();
      pool.close();
    },
  };
}
