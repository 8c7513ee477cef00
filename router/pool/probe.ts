import { type ClientCall, createClientPool } from "@tandem/libs/http";
import type { Timer, World } from "@tandem/libs/world";

export interface ProbeOptions {
  readonly address: string;
  readonly world: World;
  /** Give or take a tenth, so that the probes of many routers do not march in step. */
  readonly periodMs: number;
  readonly timeoutMs: number;
  onResult(passed: boolean): void;
}

export interface Probe {
  stop(): void;
}

/** One that is gone is asked more often: requests may be waiting for it, and asking costs little. */
const absentFactor = 5;

const request = { method: "GET", target: "/readyz", headers: [] } as const;

/** Asks one replica again and again whether it is ready, over a connection kept for that. */
export function startProbe({ address, world, periodMs, timeoutMs, onResult }: ProbeOptions): Probe {
  const pool = createClientPool({
    address,
    world,
    limits: { connections: 2, connectTimeoutMs: timeoutMs },
  });
  let timer: Timer | undefined;
  let call: ClientCall | undefined;
  let isStopped = false;

  const schedule = (passed: boolean): void => {
    if (isStopped) return;
    const jitter = 0.9 + 0.2 * world.randomness.fraction();
    const delayMs = passed ? periodMs : periodMs / absentFactor;
    timer = world.timers.after(delayMs * jitter, ask);
  };
  const ask = (): void => {
    let status = 0;
    const end = (passed: boolean): void => {
      timer?.cancel();
      call = undefined;
      if (isStopped) return;
      onResult(passed);
      schedule(passed);
    };
    timer = world.timers.after(timeoutMs, () => {
      call?.cancel();
      end(false);
    });
    call = pool.send(request, {
      onHead: (head) => {
        status = head.status;
      },
      onChunk: () => undefined,
      onEnd: () => end(status === 200),
      onFailure: () => end(false),
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
