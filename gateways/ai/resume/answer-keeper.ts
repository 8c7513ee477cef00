import type { Log } from "@tandem/libs/telemetry";
import { sleep, type World } from "@tandem/libs/world";
import type { Ended, StreamMeta, StreamPlace, StreamStore } from "./stream-store.ts";

export interface AnswerKeeperOptions {
  readonly world: World;
  readonly log: Log;
  readonly store: StreamStore;
  readonly place: StreamPlace;
  readonly meta: StreamMeta;
  /** How long what the store does not take is tried again; it is given up then. */
  readonly patienceMs: number;
  /** Something was given up. */
  onGap(): void;
}

const retryPauseMs = 250;

/** What the store has of one answer, written in order: its blocks, and where it stands. */
export class AnswerKeeper {
  readonly #options: AnswerKeeperOptions;
  #meta: StreamMeta;
  #stored: Promise<void> = Promise.resolve();

  constructor(options: AnswerKeeperOptions) {
    this.#options = options;
    this.#meta = options.meta;
  }

  get meta(): StreamMeta {
    return this.#meta;
  }

  /** Resolves when all that was kept so far is there, or was given up. */
  get stored(): Promise<void> {
    return this.#stored;
  }

  /** Stored when something is saved. */
  note(change: Partial<StreamMeta>): void {
    this.#meta = { ...this.#meta, ...change };
  }

  save(change: Partial<StreamMeta>): void {
    this.note(change);
    const meta = this.#meta;
    this.#store(({ store, place }) => store.update(place, meta));
  }

  putBlock(text: string): void {
    const index = this.#meta.blocks;
    this.note({ blocks: index + 1 });
    const { maker } = this.#meta;
    this.#store(({ store, place }) => store.putBlock(place, { maker }, { index, text }));
  }

  putEnd(text: string): void {
    const { maker } = this.#meta;
    this.#store(({ store, place }) => store.putEnd(place, { maker }, text));
  }

  /** False when it ended otherwise, or is somebody else's by now, or the store is away. */
  async endAs(how: Ended["how"]): Promise<boolean> {
    let isMine = false;
    const { maker, blocks } = this.#meta;
    this.#store(async ({ store, place }) => {
      isMine = await store.endAs(place, { maker }, { how, blocks });
    });
    await this.#stored;
    return isMine;
  }

  forget(): void {
    const { maker } = this.#meta;
    this.#store(({ store, place }) => store.forget(place, { maker }));
  }

  /** Who makes it now, where that can be said. */
  async maker(): Promise<string | undefined> {
    const { store, place } = this.#options;
    return store.makerOf(place).catch(() => undefined);
  }

  #store(run: (options: AnswerKeeperOptions) => Promise<void>): void {
    this.#stored = this.#stored.then(() => this.#try(run));
  }

  async #try(run: (options: AnswerKeeperOptions) => Promise<void>): Promise<void> {
    const { world, log, patienceMs, onGap } = this.#options;
    const untilMs = world.clock.monotonicMs() + patienceMs;
    for (;;) {
      try {
        await run(this.#options);
        return;
      } catch (error) {
        if (world.clock.monotonicMs() >= untilMs) {
          log.warn("answer_not_kept", { error: String(error) });
          onGap();
          return;
        }
      }
      await sleep(world, retryPauseMs);
    }
  }
}
