import type { TopologyProcess } from "@tandem/libs/service";
import type { Timer, World } from "@tandem/libs/world";
import { nextRestart, noDeaths, type RestartHistory } from "../core/restart-delay.ts";
import { isStuck, type SilenceWatch, silenceMs } from "../core/silence.ts";
import { starvedMsOf } from "../folder/process-identity.ts";
import type { AdoptedProcess } from "./adopted-process.ts";
import type { LaunchedProcess } from "./launch.ts";
import type { Heartbeat, Order, ProcessMessage } from "./messages.ts";

/**
 * stopped → loading (code) → loaded → opening (replicas) → unready ⇄ ready → draining → stopped.
 * A process that dies unasked goes from any of them to waiting, and from there to loading.
 */
export type ProcessState =
  | "stopped"
  | "loading"
  | "loaded"
  | "opening"
  | "unready"
  | "ready"
  | "draining"
  | "waiting";

/** What has happened to a process, for the log and for those who wait. */
export type ProcessEvent =
  | { readonly kind: "state"; readonly state: ProcessState }
  | { readonly kind: "died"; readonly how: string; readonly restartInMs: number }
  | { readonly kind: "refused"; readonly message: string; readonly isFinal: boolean }
  | { readonly kind: "silent"; readonly silentMs: number };

const loadingLimitMs = 60_000;
/** Longer than between two beats: from here on it counts how long a process waits for a CPU. */
const quietMs = 2000;
/** Beyond the deadline that a process was given: then it is killed. */
const stopGraceMs = 3000;
/** Of one that a killed supervisor had told to end: it keeps the deadline it was given itself. */
const adoptedDrainMs = 900_000;

/** Whose place a process has in an upgrade, and where that one's code is. */
export interface Replaced {
  readonly process: string;
  readonly sourceFolder: string;
}

export type Launch = (spec: TopologyProcess, sourceFolder: string) => LaunchedProcess;

interface Options {
  readonly spec: TopologyProcess;
  /** Where its code is. */
  readonly sourceFolder: string;
  readonly world: World;
  readonly launch: Launch;
  readonly silenceLimitMs: number;
  readonly onEvent: (event: ProcessEvent) => void;
}

/** One process of the topology over all its lives: started, watched, restarted, stopped. */
export class ManagedProcess {
  readonly spec: TopologyProcess;
  readonly sourceFolder: string;
  /** Until the upgrade that it belongs to has succeeded. */
  replaces: Replaced | undefined;
  readonly #options: Options;
  #state: ProcessState = "stopped";
  #mayOpen: boolean = false;
  #launched: LaunchedProcess | undefined;
  #history: RestartHistory = noDeaths;
  #deaths = 0;
  #deathsSinceReady = 0;
  #bornMs = 0;
  #heardMs = 0;
  #starvedBeforeMs: number | undefined;
  #beat: Heartbeat | undefined;
  /** What an adopted process said first. */
  #unready: readonly string[] = [];
  /** Which signing keys its present life says that it holds. */
  #keysName: string | undefined;
  #refusal: string | undefined;
  #wait: Timer | undefined;
  #endsAtMs = 0;
  #stopped: (() => void)[] = [];

  constructor(options: Options) {
    this.spec = options.spec;
    this.sourceFolder = options.sourceFolder;
    this.#options = options;
  }

  get state(): ProcessState {
    return this.#state;
  }

  get identity(): LaunchedProcess["identity"] {
    return this.#launched?.identity;
  }

  /** Deaths in a row without having become ready; what a failing start is told by. */
  get deathsSinceReady(): number {
    return this.#deathsSinceReady;
  }

  /** Why it last could not start, in its own words. */
  get refusal(): string | undefined {
    return this.#refusal;
  }

  /** Deaths that nobody asked for. */
  get deaths(): number {
    return this.#deaths;
  }

  /** Failing checks of the last beat. */
  get unready(): readonly string[] {
    return this.#beat?.unready ?? this.#unready;
  }

  get beat(): Heartbeat | undefined {
    return this.#beat;
  }

  /** Milliseconds since the present life began. */
  get ageMs(): number {
    return this.#launched === undefined ? 0 : this.#nowMs() - this.#bornMs;
  }

  /** Starts loading the code; the replicas open when `open` has been called too. */
  load(): void {
    if (this.#state !== "stopped" && this.#state !== "waiting") return;
    this.#wait?.cancel();
    this.#take(this.#options.launch(this.spec, this.sourceFolder));
    this.#become("loading");
  }

  /** Goes on with a process that a killed supervisor had started. */
  adopt({ launched, greeting }: AdoptedProcess): void {
    this.#mayOpen = true;
    if (greeting.isStopping) {
      this.#endWithin(adoptedDrainMs);
      this.#become("draining");
    } else if (!greeting.isStarted) this.#become("opening");
    else this.#become(greeting.unready.length === 0 ? "ready" : "unready");
    this.#unready = greeting.unready;
    this.#take(launched);
  }

  /** For what a running process has to know; one that is not there reads it when it starts. */
  tell(order: Order): void {
    this.#launched?.order(order);
  }

  /** Nobody here signs or accepts by others: it said so, or has yet to read them in its file. */
  holdsKeys(name: string): boolean {
    const isYetToRead = this.#state === "loading" || this.#state === "loaded";
    return this.#launched === undefined || isYetToRead || this.#keysName === name;
  }

  #take(launched: LaunchedProcess): void {
    this.#launched = launched;
    this.#keysName = undefined;
    this.#bornMs = this.#nowMs();
    this.#heardMs = this.#bornMs;
    this.#beat = undefined;
    launched.onMessage((message) => {
      if (this.#launched === launched) this.#hear(message);
    });
    launched.onExit((how) => {
      if (this.#launched === launched) this.#end(how);
    });
  }

  /** Allows this life and all later ones to open their replicas. */
  open(): void {
    this.#mayOpen = true;
    if (this.#state === "loaded") this.#orderOpening();
  }

  /** Drains and ends it for good, by force when it does not obey. */
  async stop(deadlines: { readonly noticeMs: number; readonly deadlineMs: number }): Promise<void> {
    if (this.#state === "stopped") return;
    if (this.#launched === undefined) {
      this.#wait?.cancel();
      this.#become("stopped");
      return;
    }
    const ended = new Promise<void>((resolve) => this.#stopped.push(resolve));
    if (this.#state === "loading" || this.#state === "loaded") {
      // Nothing is open yet, so there is nothing to drain.
      this.abandon();
    } else {
      // One that drains already is patient with connections nobody uses: now it is to hurry.
      this.#launched.order({ kind: "stop", ...deadlines });
      this.#endWithin(deadlines.noticeMs + deadlines.deadlineMs + stopGraceMs);
      this.#become("draining");
    }
    await ended;
  }

  /** By force then. Of several who want it to end, the most impatient one decides. */
  #endWithin(limitMs: number): void {
    const atMs = this.#nowMs() + limitMs;
    if (this.#state === "draining" && this.#endsAtMs <= atMs) return;
    this.#wait?.cancel();
    this.#endsAtMs = atMs;
    this.#wait = this.#options.world.timers.after(limitMs, () => this.abandon());
  }

  /** Ends it at once and for good, whatever it is doing. */
  abandon(): void {
    if (this.#launched === undefined) {
      this.#wait?.cancel();
      this.#become("stopped");
      return;
    }
    this.#become("draining");
    this.#launched.kill();
  }

  /** Replaces a process whose event loop no longer turns. Called twice a second. */
  look(watch: SilenceWatch): void {
    const pid = this.#launched?.identity?.pid;
    if (this.#launched === undefined || pid === undefined || this.#state === "draining") return;
    const silentMs = silenceMs(watch, this.#heardMs);
    if (silentMs < quietMs) {
      this.#starvedBeforeMs = undefined;
      return;
    }
    this.#starvedBeforeMs ??= starvedMsOf(pid);
    const limitMs = this.#state === "loading" ? loadingLimitMs : this.#options.silenceLimitMs;
    if (silentMs < limitMs) return;
    const starvedMs = starvedMsOf(pid) - this.#starvedBeforeMs;
    if (!isStuck({ silentMs, starvedMs, limitMs })) return;
    this.#heardMs = watch.lastLookMs;
    this.#options.onEvent({ kind: "silent", silentMs: Math.round(silentMs) });
    this.#launched.kill();
  }

  #hear(message: ProcessMessage): void {
    this.#heardMs = this.#nowMs();
    if (message.kind === "refused") {
      this.#refusal = message.message;
      this.#options.onEvent(message);
    }
    if (message.kind === "beat") this.#beat = message;
    if (message.kind === "keys") this.#keysName = message.name;
    if (this.#state === "draining") return;
    if (message.kind === "loaded") {
      this.#become("loaded");
      if (this.#mayOpen) this.#orderOpening();
    }
    if (message.kind === "started") this.#become("unready");
    if (message.kind === "ready") this.#becomeReady();
    const isOpen = this.#state === "ready" || this.#state === "unready";
    if (message.kind === "beat" && isOpen) {
      if (message.unready.length === 0) this.#becomeReady();
      else this.#become("unready");
    }
  }

  #orderOpening(): void {
    this.#launched?.order({ kind: "open" });
    this.#become("opening");
  }

  #becomeReady(): void {
    this.#deathsSinceReady = 0;
    this.#refusal = undefined;
    this.#become("ready");
  }

  #end(how: string): void {
    const wasDraining = this.#state === "draining";
    const livedMs = this.#nowMs() - this.#bornMs;
    this.#launched = undefined;
    this.#beat = undefined;
    this.#unready = [];
    this.#wait?.cancel();
    if (wasDraining) {
      this.#become("stopped");
      for (const resolve of this.#stopped.splice(0)) resolve();
      return;
    }
    const wasReady = this.#deathsSinceReady === 0;
    this.#deaths += 1;
    this.#deathsSinceReady += 1;
    const { delayMs, history } = nextRestart(this.#history, { livedMs, wasReady });
    this.#history = history;
    this.#become("waiting");
    this.#options.onEvent({ kind: "died", how, restartInMs: delayMs });
    // The listener may have decided to stop everything.
    if (this.state !== "waiting") return;
    if (delayMs === 0) this.load();
    else this.#wait = this.#options.world.timers.after(delayMs, () => this.load());
  }

  #become(state: ProcessState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#options.onEvent({ kind: "state", state });
  }

  #nowMs(): number {
    return this.#options.world.clock.monotonicMs();
  }
}
