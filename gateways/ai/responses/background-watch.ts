import { type HotStore, type HotSubscription, hotKey } from "@tandem/libs/store/hot";
import type { Log } from "@tandem/libs/telemetry";
import type { Timer, World } from "@tandem/libs/world";
import { z } from "zod";
import { silenceMs } from "../resume/follow-answer.ts";
import type { StreamPlace, StreamStore } from "../resume/stream-store.ts";

export interface BackgroundWatchOptions {
  readonly world: World;
  readonly log: Log;
  readonly hotStore: HotStore;
  readonly store: StreamStore;
  /** What is made here. */
  places(): readonly StreamPlace[];
  /** Its maker is gone: true when it was taken over, by whomever. */
  takeOver(place: StreamPlace): Promise<unknown>;
}

/** Of makers that say so, here and to others. */
const tickPeriodMs = 1_000;
/** A maker that is not heard any more is looked at. */
const unheardMs = 2_500;

const channel = hotKey("responses", "background");

const messageSchema = z.object({
  places: z.array(z.object({ organisationId: z.string(), id: z.string() })),
  isLeaving: z.boolean(),
});

interface Watched {
  readonly place: StreamPlace;
  /** When its maker was heard, and when its beat in the store rose last. */
  heardAtMs: number;
  beat: number;
  beatAtMs: number;
  isBusy: boolean;
}

/**
 * Goes on with responses whose maker is gone, though nobody asks for them: replicas tell each other
 * what they make; one that is not heard is looked at in the store, and where its beat is silent,
 * too, its responses are taken over. Messages may be lost: whoever polls has his looked at as well.
 */
export class BackgroundWatch {
  readonly #options: BackgroundWatchOptions;
  readonly #watched = new Map<string, Watched>();
  readonly #timer: Timer;
  #subscription: HotSubscription | undefined;
  #isSubscribing: boolean = false;
  #isResting: boolean = false;

  constructor(options: BackgroundWatchOptions) {
    this.#options = options;
    this.#timer = options.world.timers.every(tickPeriodMs, () => this.#tick());
    this.#subscribe();
  }

  /** One that somebody asks for, whose maker may be heard or not. */
  add(place: StreamPlace): void {
    if (!this.#watched.has(nameOf(place))) this.#watch(place, Number.NEGATIVE_INFINITY);
  }

  /** This replica ends: it tells what it makes until then, and takes over nothing more. */
  rest(): void {
    this.#isResting = true;
  }

  /** Others go on with what was made here. */
  async leave(places: readonly StreamPlace[]): Promise<void> {
    this.#timer.cancel();
    await this.#tell(places, true);
    await this.#subscription?.close().catch(() => undefined);
  }

  #watch(place: StreamPlace, heardAtMs: number): Watched {
    const nowMs = this.#options.world.clock.monotonicMs();
    const watched = { place, heardAtMs, beat: -1, beatAtMs: nowMs, isBusy: false };
    this.#watched.set(nameOf(place), watched);
    return watched;
  }

  #subscribe(): void {
    if (this.#subscription !== undefined || this.#isSubscribing) return;
    this.#isSubscribing = true;
    const onMessage = (message: Buffer): void => this.#hear(message);
    this.#options.hotStore.subscribe(channel, { onMessage, onGap: () => undefined }).then(
      (subscription) => {
        this.#subscription = subscription;
      },
      () => {
        this.#isSubscribing = false;
      },
    );
  }

  #hear(message: Buffer): void {
    const { success, data } = messageSchema.safeParse(JSON.parse(message.toString()));
    if (!success) return;
    const nowMs = this.#options.world.clock.monotonicMs();
    for (const place of data.places) {
      const heardAtMs = data.isLeaving ? Number.NEGATIVE_INFINITY : nowMs;
      const watched = this.#watched.get(nameOf(place)) ?? this.#watch(place, heardAtMs);
      watched.heardAtMs = heardAtMs;
      if (data.isLeaving) this.#look(watched);
    }
  }

  #tick(): void {
    this.#subscribe();
    const { world, places } = this.#options;
    const own = places();
    for (const place of own) this.#watched.delete(nameOf(place));
    if (own.length > 0) void this.#tell(own, false);
    const nowMs = world.clock.monotonicMs();
    for (const watched of this.#watched.values()) {
      if (nowMs - watched.heardAtMs > unheardMs) this.#look(watched);
    }
  }

  async #tell(places: readonly StreamPlace[], isLeaving: boolean): Promise<void> {
    const message = JSON.stringify({ places, isLeaving });
    await this.#options.hotStore.publish(channel, message).catch(() => undefined);
  }

  #look(watched: Watched): void {
    if (watched.isBusy || this.#isResting) return;
    watched.isBusy = true;
    this.#judge(watched)
      .catch((error: unknown) => {
        this.#options.log.warn("background_not_watched", { error: String(error) });
      })
      .finally(() => {
        watched.isBusy = false;
      });
  }

  async #judge(watched: Watched): Promise<void> {
    const { world, store, takeOver } = this.#options;
    const { place } = watched;
    const meta = await store.read(place);
    const nowMs = world.clock.monotonicMs();
    if (meta === undefined || meta.ended !== undefined) {
      this.#watched.delete(nameOf(place));
      return;
    }
    if (meta.beat !== watched.beat) {
      watched.beat = meta.beat;
      watched.beatAtMs = nowMs;
    }
    if (meta.state === "left" || nowMs - watched.beatAtMs > silenceMs) await takeOver(place);
  }
}

function nameOf({ organisationId, id }: StreamPlace): string {
  return `${organisationId} ${id}`;
}
