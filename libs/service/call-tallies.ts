import { ReplicaTally, type TallyFigures } from "../resilience/index.ts";
import type { ReplicaSet } from "../rpc/index.ts";
import { replicaIdAt } from "./address.ts";

/**
 * What the replicas that a process calls have done, over all of its clients: what a release on
 * trial is judged by. Costs nothing until somebody asks.
 */
export class CallTallies {
  readonly #sets = new Set<Pick<ReplicaSet, "targets">>();

  /** Gives what ends it. */
  follow(set: Pick<ReplicaSet, "targets">): () => void {
    this.#sets.add(set);
    return () => this.#sets.delete(set);
  }

  figures(): readonly (TallyFigures & { readonly name: string })[] {
    const sums = new Map<string, ReplicaTally>();
    for (const { targets } of this.#sets) {
      for (const { address, tally } of targets) {
        const id = replicaIdAt(address);
        const sum = sums.get(id) ?? new ReplicaTally();
        sum.add(tally);
        sums.set(id, sum);
      }
    }
    return [...sums].map(([name, tally]) => ({ name, ...tally.figures() }));
  }
}
