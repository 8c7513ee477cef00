/**
 * The life of one model, from "somewhere else" to "answers": it is obtained, checked and loaded in
 * the background, and tried again after a pause when something fails, while all else goes on. Who
 * wants it waits here, or is told how far it is.
 */
import type { Log } from "@tandem/libs/telemetry";
import { sleep, type World } from "@tandem/libs/world";
import { type BackOffLimits, backOffMs } from "../core/back-off.ts";
import type { ModelState } from "../core/model-state.ts";

/** What is published of a model, whether or not it is there. */
export interface ModelFacts {
  readonly id: string;
  readonly name: string;
  readonly license: string;
  readonly purpose: "generate" | "embed";
  readonly note: string;
  readonly sizeBytes: number;
  /** Tokens of input and output together; grows exact once the model is loaded. */
  readonly contextTokens: number;
  /** Identifies the weights: the beginning of their SHA-256, or a mark of the file. */
  readonly fingerprint: string;
}

export interface Preparation<Loaded> {
  /** Makes the model ready, telling how far it is. Called again after a failure. */
  readonly prepare: (
    tell: (state: ModelState) => void,
    signal: AbortSignal,
  ) => Promise<{ readonly loaded: Loaded; readonly facts: ModelFacts }>;
}

interface Waiter {
  readonly resolve: (isReady: boolean) => void;
}

const quietMs = 1000;

export class ModelHost<Loaded> {
  readonly #world: World;
  readonly #log: Log;
  readonly #backOff: BackOffLimits;
  readonly #prepare: Preparation<Loaded>["prepare"];
  readonly #waiters = new Set<Waiter>();
  #facts: ModelFacts;
  #state: ModelState = { kind: "waiting", on: "its turn" };
  #loaded: Loaded | undefined;
  #isClosing: boolean;
  #loggedAtMs = Number.NEGATIVE_INFINITY;

  constructor(
    options: {
      readonly world: World;
      readonly log: Log;
      readonly backOff: BackOffLimits;
      readonly facts: ModelFacts;
    } & Preparation<Loaded>,
  ) {
    this.#world = options.world;
    this.#log = options.log.with({ model: options.facts.id });
    this.#backOff = options.backOff;
    this.#facts = options.facts;
    this.#prepare = options.prepare;
    this.#isClosing = false;
  }

  get facts(): ModelFacts {
    return this.#facts;
  }

  get state(): ModelState {
    return this.#state;
  }

  /** The model, once it is ready. */
  get loaded(): Loaded | undefined {
    return this.#loaded;
  }

  /** The engine closes before the model could be made ready. */
  get isClosing(): boolean {
    return this.#isClosing;
  }

  /** Prepares until it succeeds; ends early only when the signal rings. */
  async run(signal: AbortSignal, onFirstFailure: () => void = () => undefined): Promise<void> {
    for (let attempt = 1; !signal.aborted; attempt += 1) {
      try {
        const { loaded, facts } = await this.#prepare((state) => this.#tell(state), signal);
        this.#loaded = loaded;
        this.#facts = facts;
        this.#tell({ kind: "ready" });
        this.#settle(true);
        return;
      } catch (error) {
        if (signal.aborted) break;
        const retryInMs = backOffMs(attempt, this.#backOff, this.#world.randomness.fraction());
        this.#tell({ kind: "failed", ...reasonOf(error), retryInMs });
        this.#settle(false);
        if (attempt === 1) onFirstFailure();
        await Promise.race([sleep(this.#world, retryInMs), aborted(signal)]);
      }
    }
    this.#isClosing = true;
    this.#settle(false);
  }

  /** Calls back once with true when the model is ready, with false when an attempt failed. */
  whenSettled(resolve: (isReady: boolean) => void): { cancel(): void } {
    const waiter = { resolve };
    this.#waiters.add(waiter);
    return { cancel: () => void this.#waiters.delete(waiter) };
  }

  #settle(isReady: boolean): void {
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    for (const { resolve } of waiters) resolve(isReady);
  }

  #tell(state: ModelState): void {
    const isSame = state.kind === this.#state.kind;
    this.#state = state;
    const nowMs = this.#world.clock.monotonicMs();
    if (isSame && nowMs - this.#loggedAtMs < quietMs) return;
    this.#loggedAtMs = nowMs;
    if (state.kind === "failed") this.#log.warn("engine_model_failed", { ...state });
    else this.#log.info("engine_model_state", { ...state });
  }
}

function reasonOf(error: unknown): { readonly reason: string; readonly message: string } {
  const { reason, publicMessage } = error as { reason?: string; publicMessage?: string };
  const text = error instanceof Error ? error.message : String(error);
  return { reason: reason ?? "engine.model_failed", message: publicMessage ?? text };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
