import type { Timer } from "../../world/index.ts";
import type { HotSubscription, MessageHandlers } from "./hot-store.ts";
import { RedisConnection, type RedisConnectionOptions } from "./redis-connection.ts";
import { Subscribers } from "./subscribers.ts";

const heartbeatMs = 2000;

/**
 * The connection on which messages come. After every reconnect all channels are subscribed again
 * and everybody is told of the gap; one that fell silent is found by a heartbeat.
 */
export class RedisListener {
  readonly #connection: RedisConnection;
  readonly #subscribers: Subscribers;
  readonly #heartbeat: Timer;
  #opening: Promise<void> | undefined;
  /** Subscribers wait, or have waited, for a connection: there is a gap to tell of. */
  #wasAway: boolean = false;

  constructor(url: string, options: RedisConnectionOptions) {
    this.#connection = new RedisConnection(url, options);
    this.#subscribers = new Subscribers(options.log);
    this.#connection.client.on("messageBuffer", (channel: Buffer, message: Buffer) =>
      this.#subscribers.deliver(channel.toString(), message),
    );
    this.#connection.client.on("ready", () => void this.#resubscribe());
    this.#connection.client.on("close", () => {
      this.#wasAway = true;
    });
    this.#heartbeat = options.world.timers.every(heartbeatMs, () => {
      this.#connection.client.ping().catch(() => {});
    });
  }

  /** Begins when the store is there, if it is away now; then with a gap. */
  async subscribe(channel: string, handlers: MessageHandlers): Promise<HotSubscription> {
    const isFirst = !this.#subscribers.has(channel);
    const subscription = this.#subscribers.add(channel, handlers, () =>
      this.#send((client) => client.unsubscribe(channel)),
    );
    this.#opening ??= this.#connection.open();
    await this.#opening;
    if (isFirst) await this.#send((client) => client.subscribe(channel));
    return subscription;
  }

  close(): void {
    this.#heartbeat.cancel();
    this.#subscribers.clear();
    this.#connection.close();
  }

  async #resubscribe(): Promise<void> {
    const channels = this.#subscribers.channels();
    if (channels.length > 0) await this.#send((client) => client.subscribe(...channels));
    if (!this.#wasAway) return;
    this.#wasAway = false;
    this.#subscribers.gap();
  }

  /** A failure needs no answer here: the connection is made anew, and subscribes to all. */
  async #send(command: Parameters<RedisConnection["run"]>[0]): Promise<void> {
    if (!this.#connection.isReady) return;
    await this.#connection.run(command).catch(() => this.#connection.client.disconnect(true));
  }
}
