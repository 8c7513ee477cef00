/** What a sample says of a replica's life. */
export interface LifeSign {
  readonly replicaId: string;
  readonly startedAtMs: number;
  readonly isDraining: boolean;
}

interface Life {
  startedAtMs: number;
  /** Its last word was that it leaves: what comes after it was planned. */
  wasDraining: boolean;
}

const windowMs = 600_000;

/** Counts the starts of replicas that nobody had planned: the life before ended without a word. */
export class RestartCounter {
  readonly #lives = new Map<string, Life>();
  readonly #starts = new Map<string, number[]>();

  hear({ replicaId, startedAtMs, isDraining }: LifeSign, nowMs: number): void {
    const life = this.#lives.get(replicaId);
    const isSuccessor = life !== undefined && startedAtMs > life.startedAtMs;
    if (isSuccessor && !life.wasDraining) {
      this.#starts.set(replicaId, [...(this.#starts.get(replicaId) ?? []), nowMs]);
    }
    // One that is still leaving must not overwrite its successor's life.
    if (life !== undefined && startedAtMs < life.startedAtMs) return;
    this.#lives.set(replicaId, { startedAtMs, wasDraining: isDraining });
  }

  recent(nowMs: number): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const [replicaId, starts] of this.#starts) {
      const recent = starts.filter((atMs) => nowMs - atMs < windowMs);
      if (recent.length === 0) this.#starts.delete(replicaId);
      else {
        this.#starts.set(replicaId, recent);
        counts.set(replicaId, recent.length);
      }
    }
    return counts;
  }
}
