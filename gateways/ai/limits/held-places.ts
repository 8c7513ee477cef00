import type { LimitPool } from "@tandem/libs/gateway";

/** Places of concurrency limits that a request occupies here, which another replica admitted. */
export class HeldPlaces {
  #pools: readonly LimitPool[] = [];
  #isOver: boolean = false;

  get count(): number {
    return this.#pools.length;
  }

  take(pools: readonly LimitPool[]): void {
    if (this.#isOver) return;
    this.#pools = pools.filter(({ kind }) => kind === "concurrency");
    for (const pool of this.#pools) pool.occupy();
  }

  leave(): void {
    this.#isOver = true;
    for (const pool of this.#pools) pool.vacate();
    this.#pools = [];
  }
}
