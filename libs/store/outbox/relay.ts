import { Fault } from "../../kernel/index.ts";
import type { Log } from "../../telemetry/index.ts";
import type { Timer, World } from "../../world/index.ts";
import type { Executor } from "../database/executor.ts";
import type { OutboxEvent } from "./outbox.ts";
import { type ClaimedEvent, type OutboxTable, outboxTable } from "./outbox-table.ts";

/** Tries before an event is parked. */
const attemptsMax = 10;
/** Pause after a failed try: 1 s doubling to 10 min; ten tries take a quarter of an hour. */
const delayMsFirst = 1000;
const delayMsMax = 600_000;
/** For a consumer that is away, at most, in first pauses: looked for every 2.5 to 5 s. */
const awayPauses = 5;

export interface RelayOptions {
  readonly world: World;
  readonly log: Log;
  /**
   * Hands one event to its consumer and resolves when that has acknowledged it. May be called
   * again with the same event, by any replica: the consumer calls `recordOnce`.
   */
  readonly deliver: (event: OutboxEvent) => Promise<void>;
  /** Events under way at once; 16 by default. */
  readonly concurrency?: number;
  /** How often to look for events that another replica left, or that are due again; 1 s. */
  readonly pollMs?: number;
  /** A delivery that takes longer may be made a second time, by another relay; 15 s. */
  readonly claimMs?: number;
  /** First pause after a failed try, for tests; 1 s. */
  readonly retryMs?: number;
}

export interface Relay {
  /** Look now: call it after a transaction that enqueued has committed. */
  wake(): void;
  /** Lets the deliveries under way finish. */
  close(): Promise<void>;
}

/**
 * Delivers the events of an outbox. Every replica of a service runs one: a relay claims a batch for
 * `claimMs`, so that no two have the same, delivers it outside of any
 * transaction, and deletes what was acknowledged. A try counts when it is claimed, so that an event
 * that kills its relay is parked after ten tries like one that is refused.
 */
export function startRelay(database: Executor, options: RelayOptions): Relay {
  return startTableRelay(outboxTable(database), options);
}

/** The same over a table that is not in a database. */
export function startTableRelay(table: OutboxTable, options: RelayOptions): Relay {
  return new OutboxRelay(table, options);
}

class OutboxRelay implements Relay {
  readonly #table: OutboxTable;
  readonly #options: RelayOptions;
  readonly #concurrency: number;
  #state: "idle" | "working" | "closed" = "idle";
  #isWoken: boolean = false;
  readonly #polling: Timer;
  #work: Promise<void> = Promise.resolve();

  constructor(table: OutboxTable, options: RelayOptions) {
    this.#table = table;
    this.#options = options;
    this.#concurrency = options.concurrency ?? 16;
    this.#polling = options.world.timers.every(options.pollMs ?? 1000, () => {
      if (this.#state === "idle") this.wake();
    });
    this.wake();
  }

  wake(): void {
    this.#isWoken = true;
    if (this.#state !== "idle") return;
    this.#state = "working";
    this.#work = this.#run();
  }

  async close(): Promise<void> {
    this.#state = "closed";
    this.#polling.cancel();
    await this.#work;
  }

  async #run(): Promise<void> {
    const { log, claimMs = 15_000 } = this.#options;
    try {
      while (this.#isWoken && this.#state !== "closed") {
        this.#isWoken = false;
        const claimed = await this.#table.claim({ limit: this.#concurrency, claimMs });
        // All settle before the next round, so that closing waits for each of them.
        const settled = await Promise.allSettled(claimed.map((event) => this.#deliver(event)));
        const failed = settled.find(({ status }) => status === "rejected");
        if (failed?.status === "rejected") throw failed.reason;
        if (claimed.length === this.#concurrency) this.#isWoken = true;
      }
    } catch (error) {
      // The database is away; claims expire and the next round finds the events again.
      log.warn("outbox_relay_failed", { error: String(error) });
    }
    if (this.#state !== "closed") this.#state = "idle";
  }

  async #deliver(event: ClaimedEvent): Promise<void> {
    // Claimed ten times before, and no answer of any try came back: it kills who carries it.
    if (event.attempts > attemptsMax) return this.#fail(event, "no try came back");
    try {
      await this.#options.deliver({ id: event.id, topic: event.topic, payload: event.payload });
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      const isAway = Fault.is(error) && error.code === "unavailable";
      return isAway ? this.#wait(event, message) : this.#fail(event, message);
    }
    await this.#table.remove(event.id);
  }

  /**
   * Nobody was there to refuse it: that is no try. An outage of hours must not park everything that
   * happened in it; the event comes again once its pause is over, as long as it takes.
   */
  async #wait(event: ClaimedEvent, message: string): Promise<void> {
    const { log, world, retryMs = delayMsFirst } = this.#options;
    const delayMs = retryMs * awayPauses * (0.5 + world.randomness.fraction() / 2);
    await this.#table.putBack(event, { message, delayMs });
    const { id: eventId, topic } = event;
    log.warn("outbox_consumer_away", { eventId, topic, message });
  }

  async #fail(event: ClaimedEvent, message: string): Promise<void> {
    const { log, world, retryMs = delayMsFirst } = this.#options;
    const isLast = event.attempts >= attemptsMax;
    const backoffMs = Math.min(retryMs * 2 ** (event.attempts - 1), delayMsMax);
    const delayMs = backoffMs * (0.5 + world.randomness.fraction() / 2);
    // Not if another relay has claimed it since: then that one's try decides.
    await this.#table.fail(event, { message, delayMs, isLast });
    const fields = { eventId: event.id, topic: event.topic, attempts: event.attempts, message };
    if (isLast) log.error("outbox_event_parked", fields);
    else log.warn("outbox_delivery_failed", fields);
  }
}
