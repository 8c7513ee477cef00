import type { Log } from "../../telemetry/index.ts";
import type { HotSubscription, MessageHandlers } from "./hot-store.ts";

/** Who listens to which channel, in this process. A handler that throws harms no other. */
export class Subscribers {
  readonly #byChannel = new Map<string, Set<MessageHandlers>>();
  readonly #log: Log;

  constructor(log: Log) {
    this.#log = log;
  }

  channels(): readonly string[] {
    return [...this.#byChannel.keys()];
  }

  has(channel: string): boolean {
    return this.#byChannel.has(channel);
  }

  /** `onLast` is called when the channel's last subscription is closed. */
  add(
    channel: string,
    handlers: MessageHandlers,
    onLast: () => Promise<void> | void = () => {},
  ): HotSubscription {
    // An object of its own, so that the same handlers can subscribe twice.
    const own: MessageHandlers = {
      onMessage: (message) => handlers.onMessage(message),
      onGap: () => handlers.onGap(),
    };
    const subscribers = this.#byChannel.get(channel) ?? new Set();
    this.#byChannel.set(channel, subscribers.add(own));
    return {
      close: async () => {
        if (!subscribers.delete(own) || subscribers.size > 0) return;
        this.#byChannel.delete(channel);
        await onLast();
      },
    };
  }

  deliver(channel: string, message: Buffer): void {
    for (const { onMessage } of this.#byChannel.get(channel) ?? []) {
      this.#guard(() => onMessage(message));
    }
  }

  /** Tells a channel's subscribers, or all, that they may have missed something. */
  gap(channel?: string): void {
    for (const [name, subscribers] of this.#byChannel) {
      if (channel !== undefined && name !== channel) continue;
      for (const { onGap } of subscribers) this.#guard(onGap);
    }
  }

  clear(): void {
    this.#byChannel.clear();
  }

  #guard(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#log.error("message_handler_failed", { error: String(error) });
    }
  }
}
