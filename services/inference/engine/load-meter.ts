import { availableParallelism, totalmem } from "node:os";
import type { Clock } from "@tandem/libs/world";

/** Shares from 0 to 1. */
export interface Load {
  /** Of the processors this process may use, since the reading before; 0 at first. */
  readonly cpu: number;
  /** Of the memory this process may use: the container's limit, not the machine's, where it has one. */
  readonly memory: number;
}

/** Readings closer together than this say more about their moment than about load. */
const windowMsMin = 500;

/** How busy the engine's process is, for gateways that decide between it and a standby. */
export class LoadMeter {
  readonly #clock: Clock;
  #before = process.cpuUsage();
  #beforeMs: number;
  #cpu = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#beforeMs = clock.monotonicMs();
  }

  read(): Load {
    const nowMs = this.#clock.monotonicMs();
    const passedMs = nowMs - this.#beforeMs;
    if (passedMs >= windowMsMin) {
      const { user, system } = process.cpuUsage(this.#before);
      this.#cpu = Math.min(1, (user + system) / 1_000 / passedMs / availableParallelism());
      this.#before = process.cpuUsage();
      this.#beforeMs = nowMs;
    }
    const limit = process.constrainedMemory();
    const bytesMax = limit > 0 && limit < totalmem() ? limit : totalmem();
    return { cpu: this.#cpu, memory: Math.min(1, process.memoryUsage.rss() / bytesMax) };
  }
}
