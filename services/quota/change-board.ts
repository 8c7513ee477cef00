/**
 * What this replica knows of changes made by any replica: PostgreSQL notifies of each, and what was
 * missed is read by its sequence. Whoever keeps something in memory by organisation is told here
 * when to forget it.
 */
import { createVersionFeed, type VersionFeed } from "@tandem/libs/service";
import type { Log } from "@tandem/libs/telemetry";
import type { World } from "@tandem/libs/world";
import type { Books } from "./store/books.ts";
import { type ChangePage, readChanges } from "./store/changes.ts";

const pageSize = 1_000;

export class ChangeBoard {
  readonly feed: VersionFeed;
  readonly #books: Pick<Books, "database">;
  readonly #log: Log;
  readonly #forget: (page: ChangePage) => void;
  #reading: Promise<void> = Promise.resolve();
  #known: bigint | undefined;

  constructor(options: {
    readonly world: World;
    readonly log: Log;
    readonly books: Pick<Books, "database">;
    readonly forget: (page: ChangePage) => void;
  }) {
    this.feed = createVersionFeed(options.world.timers);
    this.#books = options.books;
    this.#log = options.log;
    this.#forget = options.forget;
  }

  /** True once the sequence was read for the first time. */
  get isComplete(): boolean {
    return this.#known !== undefined;
  }

  /** Reads what is new. One after the other, so that nothing is passed over. */
  refresh(): Promise<void> {
    this.#reading = this.#reading.catch(() => undefined).then(() => this.#read());
    return this.#reading;
  }

  /** The same for a notification, which nobody waits for. */
  hear(): void {
    this.refresh().catch((error: unknown) => {
      this.#log.warn("changes_not_read", { error: String(error) });
    });
  }

  async #read(): Promise<void> {
    for (;;) {
      const afterSequence = this.#known ?? 0n;
      const page = await readChanges(this.#books.database, { afterSequence, limit: pageSize });
      const isNews = page.sequence !== afterSequence || page.isReset;
      if (isNews) this.#forget(page);
      this.#known = page.sequence;
      this.feed.advance(page.sequence);
      if (!isNews || page.isReset) return;
    }
  }
}
