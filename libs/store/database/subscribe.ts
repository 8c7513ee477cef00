import { type RawBuilder, sql } from "kysely";
import pg from "pg";
import type { Log } from "../../telemetry/index.ts";
import type { Timer, World } from "../../world/index.ts";
import type { Executor } from "./executor.ts";

const delayMsFirst = 20;
const delayMsMax = 1000;
const heartbeatMs = 2000;
const heartbeatTimeoutMs = 2000;

export interface SubscribeOptions {
  readonly world: World;
  readonly log: Log;
  /**
   * Called each time listening has begun, the first time included: whatever was notified before
   * is not delivered, so read your sequence here. When it rejects, the connection is made anew, and
   * it is called again: it has run to its end at least once after every gap.
   */
  readonly onReconnect: () => Promise<void> | void;
}

export interface Subscription {
  /** True while notifications arrive. */
  readonly isListening: boolean;
  close(): Promise<void>;
}

/**
 * Listens to a channel of PostgreSQL on a connection of its own and calls `onNotify` with each
 * payload, in the order of the commits. Notifications are hints, not messages: they are lost while
 * there is no connection, hence `onReconnect`. A broken connection is made again after 20 ms
 * doubling to 1 s, with jitter; one that fell silent is found by a heartbeat within 4 s.
 */
export function subscribe(
  databaseUrl: string,
  channel: string,
  onNotify: (payload: string) => void,
  options: SubscribeOptions,
): Subscription {
  return new Listener(databaseUrl, channel, onNotify, options);
}

/** Notifies the listeners of `channel` when the transaction commits; at most 7,999 bytes. */
export async function notify(tx: Executor, channel: string, payload: string): Promise<void> {
  const statement: RawBuilder<unknown> = sql`select pg_notify(${channel}, ${payload})`;
  await statement.execute(tx);
}

class Listener implements Subscription {
  readonly #url: string;
  readonly #channel: string;
  readonly #onNotify: (payload: string) => void;
  readonly #options: SubscribeOptions;
  #state: "connecting" | "listening" | "closed" = "connecting";
  #client: pg.Client | undefined;
  #timer: Timer | undefined;
  #isBeating: boolean = false;
  #failures = 0;

  constructor(
    url: string,
    channel: string,
    onNotify: (payload: string) => void,
    options: SubscribeOptions,
  ) {
    this.#url = url;
    this.#channel = channel;
    this.#onNotify = onNotify;
    this.#options = options;
    void this.#connect();
  }

  get isListening(): boolean {
    return this.#state === "listening";
  }

  async close(): Promise<void> {
    this.#state = "closed";
    this.#timer?.cancel();
    await this.#client?.end().catch(() => {});
  }

  async #connect(): Promise<void> {
    const client = new pg.Client({
      connectionString: this.#url,
      application_name: `tandem listens to ${this.#channel}`,
      connectionTimeoutMillis: 2000,
      query_timeout: heartbeatTimeoutMs,
      keepAlive: true,
    });
    this.#client = client;
    client.on("error", (error) => this.#lost(client, error));
    client.on("end", () => this.#lost(client, new Error("the server closed the connection")));
    client.on("notification", ({ payload }) => this.#deliver(payload ?? ""));
    try {
      await client.connect();
      await client.query(`LISTEN ${pg.escapeIdentifier(this.#channel)}`);
      if (this.#client !== client || this.#state === "closed") return;
      await this.#options.onReconnect();
      if (this.#client !== client || this.#state !== "connecting") return;
      this.#state = "listening";
      this.#failures = 0;
      this.#beat(client);
    } catch (error) {
      this.#lost(client, error);
    }
  }

  #deliver(payload: string): void {
    try {
      this.#onNotify(payload);
    } catch (error) {
      this.#options.log.error("notification_handler_failed", { error: String(error) });
    }
  }

  #beat(client: pg.Client): void {
    this.#isBeating = false;
    this.#timer = this.#options.world.timers.every(heartbeatMs, () => {
      if (this.#isBeating) return;
      this.#isBeating = true;
      client.query("select 1").then(
        () => {
          if (this.#client === client) this.#isBeating = false;
        },
        (error: unknown) => this.#lost(client, error),
      );
    });
  }

  /** Idempotent per connection: an error is followed by an end. */
  #lost(client: pg.Client, error: unknown): void {
    if (this.#client !== client || this.#state === "closed") return;
    this.#client = undefined;
    this.#timer?.cancel();
    if (this.#state === "listening" || this.#failures === 0) {
      this.#options.log.warn("subscription_lost", {
        channel: this.#channel,
        error: String(error),
      });
    }
    this.#state = "connecting";
    client.end().catch(() => {});
    const { randomness, timers } = this.#options.world;
    const delayMs = Math.min(delayMsFirst * 2 ** Math.min(this.#failures, 10), delayMsMax);
    this.#failures += 1;
    this.#timer = timers.after(delayMs * (0.5 + randomness.fraction()), () => {
      void this.#connect();
    });
  }
}
