import { storeFaults } from "@tandem/libs/store";
import {
  type HotStore,
  type HotStoreOptions,
  type HotSubscription,
  type MessageHandlers,
  openHotStore,
} from "@tandem/libs/store/hot";
import type { SeededRandom } from "@tandem/libs/testing";
import { simulatedLog } from "./log.ts";
import type { SimulatedProcess } from "./machine.ts";

/** While it is away, operations fail at once; answers that are lost leave their effect behind. */
export interface HotStoreHabits {
  isAway: boolean;
  /** Machines that cannot reach it. */
  readonly cutOff: Set<string>;
  /** Chance that an operation takes effect and its answer is lost. */
  answersLost: number;
}

/** The production's memory store as a server of its own, which replicas reach over a network. */
export class SimulatedHotStore {
  readonly habits: HotStoreHabits = { isAway: false, cutOff: new Set(), answersLost: 0 };
  /** For tests of the rules: it counts nothing. */
  letsAllPass: boolean = false;
  readonly #random: SeededRandom;
  readonly #process: SimulatedProcess;
  readonly #watchers = new Set<() => void>();
  #server: HotStore | undefined;

  constructor(process: SimulatedProcess, random: SeededRandom) {
    this.#process = process;
    this.#random = random;
  }

  async start(): Promise<void> {
    const { clock, randomness, timers, environment } = this.#process.world;
    const world = { clock, randomness, timers, environment };
    this.#server = await openHotStore("memory:", { world, log: simulatedLog(() => undefined) });
  }

  /** All of it is gone, as after a restart. */
  async empty(): Promise<void> {
    await this.#server?.close();
    await this.start();
    for (const tell of this.#watchers) tell();
  }

  for(process: SimulatedProcess): (options: HotStoreOptions) => HotStore {
    return () => new RemoteStore(this, process);
  }

  isOutOfReach(process: SimulatedProcess): boolean {
    return this.habits.isAway || this.habits.cutOff.has(process.machine.name);
  }

  async ask<Value>(
    process: SimulatedProcess,
    run: (server: HotStore) => Promise<Value>,
  ): Promise<Value> {
    await process.pause(0.1 + this.#random.fraction() * 0.3);
    if (this.isOutOfReach(process)) throw storeFaults.unavailable();
    const server = this.#server;
    if (server === undefined) throw storeFaults.unavailable();
    const value = await run(server);
    const isLost = this.#random.fraction() < this.habits.answersLost;
    await process.pause(0.1 + this.#random.fraction() * 0.3);
    if (isLost || this.isOutOfReach(process)) throw storeFaults.outcome_unknown();
    return value;
  }

  watchGaps(tell: () => void): () => void {
    this.#watchers.add(tell);
    return () => this.#watchers.delete(tell);
  }
}

class RemoteStore implements HotStore {
  readonly kind = "redis";
  readonly #store: SimulatedHotStore;
  readonly #process: SimulatedProcess;

  constructor(store: SimulatedHotStore, process: SimulatedProcess) {
    this.#store = store;
    this.#process = process;
  }

  get isReachable(): boolean {
    return !this.#store.isOutOfReach(this.#process);
  }

  #ask<Value>(run: (server: HotStore) => Promise<Value>): Promise<Value> {
    return this.#store.ask(this.#process, run);
  }

  get: HotStore["get"] = (key) => this.#ask((to) => to.get(key));
  set: HotStore["set"] = (key, value, life) => this.#ask((to) => to.set(key, value, life));
  setAll: HotStore["setAll"] = (entries, life) => this.#ask((to) => to.setAll(entries, life));
  setIfAbsent: HotStore["setIfAbsent"] = (key, value, life) =>
    this.#ask((to) => to.setIfAbsent(key, value, life));
  delete: HotStore["delete"] = (key) => this.#ask((to) => to.delete(key));
  deleteIfEqual: HotStore["deleteIfEqual"] = (key, value) =>
    this.#ask((to) => to.deleteIfEqual(key, value));
  replaceIfEqual: HotStore["replaceIfEqual"] = (key, change, life) =>
    this.#ask((to) => to.replaceIfEqual(key, change, life));
  deletePrefix: HotStore["deletePrefix"] = (prefix) => this.#ask((to) => to.deletePrefix(prefix));
  increment: HotStore["increment"] = (key, by, life) =>
    this.#ask((to) => to.increment(key, by, life));
  take: HotStore["take"] = (demands) =>
    this.#ask(async (to) => {
      const taken = await to.take(demands);
      if (this.#store.letsAllPass) await to.giveBack(demands);
      return taken;
    });
  giveBack: HotStore["giveBack"] = (demands) => this.#ask((to) => to.giveBack(demands));
  publish: HotStore["publish"] = (channel, message) =>
    this.#ask((to) => to.publish(channel, message));

  async subscribe(channel: string, handlers: MessageHandlers): Promise<HotSubscription> {
    const stop = this.#store.watchGaps(() => this.#process.after(1, () => handlers.onGap()));
    const subscription = await this.#ask((to) =>
      to.subscribe(channel, {
        onMessage: (message) => {
          if (this.isReachable) this.#process.after(0.2, () => handlers.onMessage(message));
        },
        onGap: () => this.#process.after(0.2, () => handlers.onGap()),
      }),
    );
    return {
      close: () => {
        stop();
        return subscription.close();
      },
    };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
