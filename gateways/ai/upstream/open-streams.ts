/** A stream that another replica can go on with. */
export interface Movable {
  /** False while nobody could: nothing of it was given, or more than is kept. */
  readonly mayMove: boolean;
  moveAway(): void;
}

/** The streams that this replica gives. */
export class OpenStreams {
  readonly #streams = new Set<Movable>();

  get open(): number {
    return this.#streams.size;
  }

  begin(stream: Movable): void {
    this.#streams.add(stream);
  }

  end(stream: Movable): void {
    this.#streams.delete(stream);
  }

  /** This replica ends: its streams go on at others. */
  moveAll(): void {
    for (const stream of [...this.#streams]) if (stream.mayMove) stream.moveAway();
  }
}
