import type { Figure } from "@tandem/contracts/rpc/monitoring/v1/monitoring_pb";
import type { ToldFigure } from "./core/alerts/alert-view.ts";

/** A process that was silent for longer says nothing any more; longer than a busy moment. */
const freshMs = 6_000;
const sourcesMax = 1_000;
const figuresMax = 500;

interface Told {
  readonly atMs: number;
  readonly figures: readonly ToldFigure[];
}

/** The newest figures of each process. */
export class FigureBoard {
  readonly #sources = new Map<string, Told>();

  /** `source` is the process: the replicas that it hosts, and its number. False: no room for it. */
  put(source: string, figures: readonly Figure[], atMs: number): boolean {
    if (this.#sources.size >= sourcesMax && !this.#sources.has(source)) return false;
    const told = figures.slice(0, figuresMax).map(({ name, labels, value }) => {
      return { source, name, labels, value };
    });
    this.#sources.set(source, { atMs, figures: told });
    return true;
  }

  /** They are as they were; false where they are not known, and have to be told. */
  renew(source: string, atMs: number): boolean {
    const told = this.#sources.get(source);
    if (told === undefined) return false;
    this.#sources.set(source, { ...told, atMs });
    return true;
  }

  /** Of those that told lately; the others are forgotten. */
  fresh(nowMs: number): readonly ToldFigure[] {
    for (const [source, { atMs }] of this.#sources) {
      if (nowMs - atMs > freshMs) this.#sources.delete(source);
    }
    return [...this.#sources.values()].flatMap(({ figures }) => figures);
  }
}
