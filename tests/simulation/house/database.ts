import { storeFaults } from "@tandem/libs/store";
import type { SeededRandom } from "@tandem/libs/testing";
import type { SimulatedProcess } from "../world/machine.ts";

/**
 * The way to a database: a transaction happens at once and whole, or not at all; its answer may be
 * lost, and whoever asked may die between the commit and the answer.
 */
export class SimulatedDatabase {
  isAway: boolean = false;
  readonly cutOff = new Set<string>();
  /** Chance that a transaction commits and nobody hears of it. */
  answersLost = 0;
  extraMs = 0;
  readonly #random: SeededRandom;

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  #isOutOfReach(process: SimulatedProcess): boolean {
    return this.isAway || this.cutOff.has(process.machine.name);
  }

  #wayMs(): number {
    return this.extraMs + 0.3 + this.#random.fraction() * 2;
  }

  async transact<Value>(process: SimulatedProcess, run: () => Value): Promise<Value> {
    await process.pause(this.#wayMs());
    if (this.#isOutOfReach(process)) throw storeFaults.unavailable();
    const value = run();
    const isLost = this.#random.fraction() < this.answersLost;
    await process.pause(this.#wayMs());
    if (isLost || this.#isOutOfReach(process)) throw storeFaults.outcome_unknown();
    return value;
  }
}
