/**
 * Orders that are taken in while the orders service is away. Each is in the journal, synced to the
 * disk, before its buyer hears of it, and stays there until the service has made it or refused it
 * for good: neither kill -9 of this gateway nor loss of power loses one, and since every one has
 * its id and its idempotency key from the beginning, none is made twice.
 */
import { Fault } from "@tandem/libs/kernel";
import type { Journal } from "@tandem/libs/store/journal";
import type { Log } from "@tandem/libs/telemetry";
import type { World } from "@tandem/libs/world";
import { businessFaults } from "../faults.ts";
import { decodeRecord, encodeRecord, type QueuedOrder } from "./queued-order.ts";
import type { SharedOrders } from "./shared-orders.ts";

export interface OrderQueueParts {
  readonly journal: Pick<Journal, "append" | "replay" | "truncateBefore">;
  readonly shared: SharedOrders;
  /** Makes the order, or records why it cannot be made. Throws when nobody was there to do it. */
  readonly create: (order: QueuedOrder) => Promise<void>;
  /** How many wait, whenever that changes. */
  readonly report: (waiting: number) => void;
  readonly world: World;
  readonly log: Log;
  readonly waitingMax: number;
}

interface Waiting {
  readonly order: QueuedOrder;
  readonly position: number;
}

const firstPauseMs = 100;
const longestPauseMs = 2_000;

export class OrderQueue {
  readonly #parts: OrderQueueParts;
  /** By id, in the order in which they came. */
  readonly #waiting = new Map<string, Waiting>();
  #isAway = false;
  #wake: () => void = () => {};

  constructor(parts: OrderQueueParts) {
    this.#parts = parts;
  }

  /** The service did not answer when it was last asked: new orders need not wait to learn that. */
  get isAway(): boolean {
    return this.#isAway;
  }

  /** Takes over what the last life of this replica left. */
  async recover(): Promise<void> {
    for await (const { position, payload } of this.#parts.journal.replay()) {
      const found = decodeRecord(payload);
      if (found === undefined) this.#parts.log.error("queued_order_unreadable", { position });
      else if ("done" in found) this.#waiting.delete(found.done);
      else this.#waiting.set(found.order.id, { order: found.order, position });
    }
    for (const { order } of this.#waiting.values()) await this.#parts.shared.put(order);
    this.#report();
  }

  /**
   * Resolves when the order would survive a loss of power. Throws `business.queue_full`, or the
   * journal's faults; then nothing was promised.
   */
  async add(order: QueuedOrder): Promise<void> {
    const { journal, shared, waitingMax } = this.#parts;
    if (this.#waiting.size >= waitingMax) throw businessFaults.queue_full();
    const position = await journal.append(encodeRecord({ order }));
    this.#waiting.set(order.id, { order, position });
    this.#isAway = true;
    this.#report();
    this.#wake();
    await shared.put(order);
  }

  /** One that waits here, or at another replica of this gateway. */
  async find(place: {
    readonly organisationId: string;
    readonly id: string;
  }): Promise<QueuedOrder | undefined> {
    const own = this.#waiting.get(place.id)?.order;
    if (own !== undefined) return own.organisationId === place.organisationId ? own : undefined;
    return this.#parts.shared.find(place);
  }

  /** Brings them to the service for as long as the replica lives, oldest first. */
  async run(signal: AbortSignal): Promise<void> {
    let pauseMs = firstPauseMs;
    while (!signal.aborted) {
      const [next] = this.#waiting.values();
      if (next === undefined) {
        this.#isAway = false;
        pauseMs = firstPauseMs;
        await this.#wakeOr(signal);
      } else if (await this.#bring(next)) {
        pauseMs = firstPauseMs;
      } else {
        await this.#wakeOr(signal, pauseMs);
        pauseMs = Math.min(longestPauseMs, pauseMs * 2);
      }
    }
  }

  /** True when it is done with: made, or refused so that its buyer can see why. */
  async #bring({ order, position }: Waiting): Promise<boolean> {
    const { create, log, journal, shared } = this.#parts;
    const line = { order: order.id, request_id: order.requestId };
    try {
      await create(order);
      log.info("queued_order_made", line);
    } catch (error) {
      const isFinal = Fault.is(error) && error.blame === "client" && error.code !== "unavailable";
      this.#isAway = !isFinal;
      if (!isFinal) return false;
      log.error("queued_order_refused", { ...line, error: String(error) });
    }
    try {
      await journal.append(encodeRecord({ done: order.id }));
    } catch (error) {
      // It is brought once more, and the service knows it by its key.
      log.warn("queued_order_not_crossed_off", { ...line, error: String(error) });
      return false;
    }
    this.#waiting.delete(order.id);
    this.#report();
    await shared.remove(order);
    const [oldest] = this.#waiting.values();
    await journal.truncateBefore(oldest?.position ?? position + 1);
    return true;
  }

  #report(): void {
    this.#parts.report(this.#waiting.size);
  }

  /** Until an order comes, the replica closes, or the pause is over. */
  #wakeOr(signal: AbortSignal, pauseMs?: number): Promise<void> {
    const { timers } = this.#parts.world;
    return new Promise((resolve) => {
      const done = (): void => {
        if (pauseMs === undefined) this.#wake = () => {};
        timer?.cancel();
        signal.removeEventListener("abort", done);
        resolve();
      };
      const timer = pauseMs === undefined ? undefined : timers.after(pauseMs, done);
      // While the service is away another order is no reason to ask it sooner.
      if (pauseMs === undefined) this.#wake = done;
      signal.addEventListener("abort", done);
      if (signal.aborted) done();
    });
  }
}
