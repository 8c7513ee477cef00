import { type FSWatcher, watch } from "node:fs";
import type { Log } from "../../telemetry/index.ts";
import type { Timer, World } from "../../world/index.ts";
import type { HotSubscription, MessageHandlers } from "./hot-store.ts";
import type { LmdbEntries } from "./lmdb-entries.ts";
import type { LmdbFile } from "./lmdb-file.ts";
import { Subscribers } from "./subscribers.ts";

/** A message stays this long, for subscribers that are busy; at least the last few do. */
const keepMs = 10_000;
const keepCountMax = 4096;
const trimBatch = 16;
const readBatch = 256;
/** In case a bell was not heard. */
const pollMs = 250;
/** Time (8 bytes) and length of the channel (2) in front of channel and message. */
const headerBytes = 10;

/**
 * Messages between the processes that share an lmdb file: a numbered queue that all read, and a
 * file whose change wakes them (the kernel's notification, some 0.2 ms). Who reads too slowly finds
 * a hole in the numbers, and is told of the gap.
 */
export class LmdbBus {
  readonly #file: LmdbFile;
  readonly #entries: LmdbEntries;
  readonly #world: World;
  readonly #nowMs: () => number;
  readonly #subscribers: Subscribers;
  #lastSeen = 0;
  #watcher: FSWatcher | undefined;
  #poll: Timer | undefined;
  #isDraining: boolean = false;

  constructor(options: {
    readonly file: LmdbFile;
    readonly entries: LmdbEntries;
    readonly world: World;
    readonly log: Log;
    readonly nowMs: () => number;
  }) {
    this.#file = options.file;
    this.#entries = options.entries;
    this.#world = options.world;
    this.#nowMs = options.nowMs;
    this.#subscribers = new Subscribers(options.log);
  }

  publish(channel: string, message: Buffer): void {
    const nowMs = this.#nowMs();
    const name = Buffer.from(channel);
    const header = Buffer.allocUnsafe(headerBytes);
    header.writeDoubleBE(nowMs, 0);
    header.writeUInt16BE(name.length, 8);
    this.#entries.change(() => {
      const sequence = this.#lastSequence() + 1;
      this.#file.messages.putSync(sequence, Buffer.concat([header, name, message]));
      this.#trim(sequence, nowMs);
    });
    this.#file.ring();
    if (this.#watcher !== undefined) queueMicrotask(() => this.#drain());
  }

  subscribe(channel: string, handlers: MessageHandlers): HotSubscription {
    this.#start();
    // What was sent before is not for the new one: the others get it first.
    this.#drain();
    return this.#subscribers.add(channel, handlers);
  }

  close(): void {
    this.#watcher?.close();
    this.#poll?.cancel();
    this.#subscribers.clear();
  }

  #start(): void {
    if (this.#watcher !== undefined) return;
    this.#file.root.resetReadTxn();
    this.#lastSeen = this.#lastSequence();
    this.#watcher = watch(this.#file.bellPath, { persistent: false }, () => this.#drain());
    // Without the bell, the poll remains.
    this.#watcher.on("error", () => {});
    this.#poll = this.#world.timers.every(pollMs, () => this.#drain());
  }

  /** Delivers what is new. A handler that publishes or subscribes does not get in between. */
  #drain(): void {
    if (this.#isDraining) return;
    this.#isDraining = true;
    try {
      while (this.#deliverBatch());
    } finally {
      this.#isDraining = false;
    }
  }

  #deliverBatch(): boolean {
    this.#file.root.resetReadTxn();
    const range = { start: this.#lastSeen + 1, limit: readBatch };
    const batch = [...this.#file.messages.getRange(range)];
    const [first] = batch;
    if (first === undefined) return false;
    if (first.key !== this.#lastSeen + 1) this.#subscribers.gap();
    for (const { key, value } of batch) {
      this.#lastSeen = key;
      const channelEnd = headerBytes + value.readUInt16BE(8);
      const channel = value.toString("utf8", headerBytes, channelEnd);
      if (!this.#subscribers.has(channel)) continue;
      this.#subscribers.deliver(channel, Buffer.from(value.subarray(channelEnd)));
    }
    return true;
  }

  #lastSequence(): number {
    const keys = this.#file.messages.getKeys({ reverse: true, limit: 1 });
    return [...keys].at(0) ?? 0;
  }

  /** The last message always stays: the numbers go on from it. */
  #trim(sequence: number, nowMs: number): void {
    const oldest = [...this.#file.messages.getRange({ end: sequence, limit: trimBatch })];
    for (const { key, value } of oldest) {
      const isOld = nowMs - value.readDoubleBE(0) > keepMs;
      if (!isOld && sequence - key < keepCountMax) return;
      this.#file.messages.removeSync(key);
    }
  }
}
