import type { Log } from "@tandem/libs/telemetry";
import type { World } from "@tandem/libs/world";
import { faults } from "../faults.ts";
import { installedRuntime } from "./install-runtime.ts";
import { type Llama, loadLlama } from "./llama.ts";

/** absent → installing → loading → ready; any failure goes back to absent with a message. */
export interface RuntimeState {
  readonly state: "absent" | "installing" | "loading" | "ready";
  /** Why the last attempt failed; empty when none did. */
  readonly problem: string;
}

/** The model runtime: installed and loaded once, when a model first wants it. */
export class Runtime {
  readonly #places: {
    readonly world: World;
    readonly log: Log;
    readonly runtimeDirectory: string;
    readonly dataDirectory: string;
    readonly threads: number;
  };
  #state: RuntimeState = { state: "absent", problem: "" };
  #pending: Promise<Llama> | undefined;
  #llama: Llama | undefined;

  constructor(places: {
    readonly world: World;
    readonly log: Log;
    readonly runtimeDirectory: string;
    readonly dataDirectory: string;
    readonly threads: number;
  }) {
    this.#places = places;
  }

  get state(): RuntimeState {
    return this.#state;
  }

  /** One attempt for all who ask meanwhile. Throws `engine.runtime_failed`. */
  get(signal: AbortSignal): Promise<Llama> {
    this.#pending ??= this.#load(signal).catch((error: unknown) => {
      this.#pending = undefined;
      const { publicMessage } = error as { publicMessage?: string };
      this.#state = { state: "absent", problem: publicMessage ?? String(error) };
      throw error;
    });
    return this.#pending;
  }

  async dispose(): Promise<void> {
    await this.#llama?.dispose();
  }

  async #load(signal: AbortSignal): Promise<Llama> {
    const { log, threads } = this.#places;
    const runtimeDirectory = await installedRuntime({
      ...this.#places,
      signal,
      onInstalling: () => {
        this.#state = { state: "installing", problem: "" };
        log.info("engine_runtime_installing");
      },
    });
    this.#state = { state: "loading", problem: "" };
    try {
      this.#llama = await loadLlama({
        runtimeDirectory,
        threads,
        onMessage: (level, message) => log.debug("llama", { llama_level: level, message }),
      });
    } catch (error) {
      throw faults.runtime_failed({
        publicMessage:
          `The model runtime in ${runtimeDirectory} does not start. ` +
          "Delete its node_modules folder; the engine installs it anew.",
        cause: error,
        detail: String(error),
      });
    }
    this.#state = { state: "ready", problem: "" };
    return this.#llama;
  }
}
