import { storeFaults } from "@tandem/libs/store";

/** Callers that may wait for one key; more are refused. */
const waitingMax = 512;

/**
 * One at a time for each key, in the order of coming. Changes of one organisation would wait for
 * each other in the database anyway; here they do it without holding connections, so that one
 * organisation that is stuck, or very busy, leaves the pool to the others.
 */
export class Turns {
  readonly #queues = new Map<string, { last: Promise<void>; waiting: number }>();

  async take<Result>(key: string, run: () => Promise<Result>): Promise<Result> {
    const queue = this.#queues.get(key) ?? { last: Promise.resolve(), waiting: 0 };
    if (queue.waiting >= waitingMax) {
      throw storeFaults.overloaded({ detail: `${waitingMax} wait for ${key}` });
    }
    this.#queues.set(key, queue);
    queue.waiting += 1;
    const before = queue.last;
    let finish = (): void => {};
    queue.last = new Promise((resolve) => {
      finish = resolve;
    });
    try {
      await before;
      return await run();
    } finally {
      queue.waiting -= 1;
      if (queue.waiting === 0) this.#queues.delete(key);
      finish();
    }
  }
}
