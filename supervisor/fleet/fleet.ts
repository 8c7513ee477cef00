import { replicasOf, type Topology, type TopologyProcess } from "@tandem/libs/service";
import type { Log } from "@tandem/libs/telemetry";
import type { Timer, World } from "@tandem/libs/world";
import { affectedDeployables } from "../core/affected-deployables.ts";
import { groupByLevel } from "../core/levels.ts";
import { lookAround, watchFrom } from "../core/silence.ts";
import { supervisorFaults } from "../faults.ts";
import type { NotedProcess } from "../folder/predecessor.ts";
import type { LaunchedProcess } from "./launch.ts";
import { ManagedProcess, type ProcessEvent } from "./managed-process.ts";

export interface FleetOptions {
  readonly topology: Topology;
  readonly world: World;
  readonly log: Log;
  readonly launch: (spec: TopologyProcess) => LaunchedProcess;
  /** Called whenever a process was started or has ended. */
  readonly note: (processes: readonly NotedProcess[]) => void;
  readonly silenceLimitMs: number;
  readonly levelPatienceMs: number;
}

const lookPeriodMs = 500;
/** A process that dies so often before it was ever ready will not start by itself. */
const startDeathsMax = 5;

/** All processes of a topology: loads them, opens them level by level, keeps them running. */
export class Fleet {
  readonly processes: readonly ManagedProcess[];
  readonly #options: FleetOptions;
  readonly #waiting = new Set<() => void>();
  readonly #watch: Timer;
  #failure: Error | undefined;
  #isOpen: boolean = false;
  #isNotePending: boolean = false;

  constructor(options: FleetOptions) {
    this.#options = options;
    const { world, launch, silenceLimitMs } = options;
    this.processes = options.topology.processes.map((spec) => {
      const process: ManagedProcess = new ManagedProcess({
        spec,
        world,
        launch,
        silenceLimitMs,
        onEvent: (event) => this.#hear(process, event),
      });
      return process;
    });
    let watch = watchFrom(world.clock.monotonicMs());
    this.#watch = world.timers.every(lookPeriodMs, () => {
      watch = lookAround(watch, world.clock.monotonicMs());
      for (const process of this.processes) process.look(watch);
    });
  }

  /** Throws `supervisor.process_unknown` for a name that the topology does not have. */
  find(name: string): ManagedProcess {
    const process = this.processes.find(({ spec }) => spec.name === name);
    if (process === undefined) throw supervisorFaults.process_unknown();
    return process;
  }

  get isReady(): boolean {
    return this.processes.every(({ state }) => state === "ready");
  }

  get state(): "starting" | "ready" | "degraded" {
    if (!this.#isOpen) return "starting";
    return this.isReady ? "ready" : "degraded";
  }

  /** `router ai auth ×2 · engine`: what is hosted, and how often. */
  summary(): string {
    const counts = new Map<string, number>();
    for (const { deployable } of replicasOf(this.#options.topology)) {
      counts.set(deployable, (counts.get(deployable) ?? 0) + 1);
    }
    return [...new Set(counts.values())]
      .sort((one, other) => other - one)
      .map((count) => {
        const names = [...counts.keys()].filter((name) => counts.get(name) === count).join(" ");
        return count > 1 ? `${names} ×${count}` : names;
      })
      .join(" · ");
  }

  /** Makes a start that is under way fail now: somebody wants to stop. */
  giveUp(): void {
    this.#failure ??= supervisorFaults.process_failed({
      publicMessage: "The start was broken off.",
    });
    for (const look of [...this.#waiting]) look();
  }

  /** Starts all processes at once, as far as loading their code goes. */
  load(): void {
    if (this.#failure !== undefined) return;
    for (const process of this.processes) process.load();
  }

  /**
   * Opens level by level, each once the one below is ready, or has used its patience up: a service
   * that waits for something must not keep the rest from serving. Throws
   * `supervisor.process_failed` when a process cannot start at all.
   */
  async open(): Promise<void> {
    const { log, levelPatienceMs } = this.#options;
    for (const level of groupByLevel(
      this.processes.map((process) => ({ level: process.spec.level, process })),
    )) {
      for (const { process } of level) process.open();
      const isLevelReady = (): boolean => level.every(({ process }) => process.state === "ready");
      if (await this.#until(isLevelReady, levelPatienceMs)) continue;
      for (const { process } of level.filter((member) => member.process.state !== "ready")) {
        const { spec, state, unready } = process;
        log.warn("process_not_ready", { process: spec.name, state, unready });
      }
    }
    // From here on a process that dies is a matter of restarting, not of a failed start.
    this.#isOpen = true;
  }

  /** Resolves to whether all processes are ready within the time. */
  untilReady(timeoutMs: number): Promise<boolean> {
    return this.#until(() => this.isReady, timeoutMs);
  }

  /** Drains level by level, the highest first, and ends every process. */
  async stop({ deadlineMs }: { readonly deadlineMs: number }): Promise<void> {
    const levels = groupByLevel(
      this.processes.map((process) => ({ level: process.spec.level, process })),
    );
    for (const level of levels.toReversed()) {
      await Promise.all(level.map(({ process }) => process.stop({ noticeMs: 0, deadlineMs })));
    }
    this.#watch.cancel();
  }

  /** Ends every process at once and for good. */
  abandon(): void {
    for (const process of this.processes) process.abandon();
  }

  /** Drains one process and starts it anew. */
  async restart(name: string, deadlines: { noticeMs: number; deadlineMs: number }): Promise<void> {
    const process = this.find(name);
    await process.stop(deadlines);
    process.load();
    process.open();
  }

  /** The processes that load this source file. */
  affectedBy(path: string): readonly string[] {
    const deployables = affectedDeployables(path);
    if (deployables === undefined) return [];
    return this.processes
      .filter(
        ({ spec }) =>
          deployables === "all" ||
          spec.hosts.some((replica) => deployables.includes(replica.split("/")[0] ?? "")),
      )
      .map(({ spec }) => spec.name);
  }

  #hear(process: ManagedProcess, event: ProcessEvent): void {
    const { log } = this.#options;
    const { name } = process.spec;
    if (event.kind === "state") {
      const { state } = event;
      log.debug("process_state", { process: name, state, pid: process.identity?.pid });
      if (state === "loading" || state === "waiting" || state === "stopped") this.#noteSoon();
    }
    if (event.kind === "died") {
      log.warn("process_died", { process: name, how: event.how, restartInMs: event.restartInMs });
      if (process.deathsSinceReady >= startDeathsMax)
        this.#fail(process, { why: event.how, isFinal: false });
    }
    if (event.kind === "silent") {
      log.error("process_silent", { process: name, silentMs: event.silentMs });
    }
    if (event.kind === "refused") {
      log.error("process_refused", { process: name, message: event.message });
      if (event.isFinal) this.#fail(process, { why: event.message, isFinal: true });
    }
    for (const look of [...this.#waiting]) look();
  }

  /** Ends a start; later on a process that cannot start is tried again and again. */
  #fail(process: ManagedProcess, { why, isFinal }: { why: string; isFinal: boolean }): void {
    if (this.#isOpen) return;
    const { name } = process.spec;
    const make = isFinal ? supervisorFaults.process_refused : supervisorFaults.process_failed;
    this.#failure ??= make({
      publicMessage: `${name} cannot start: ${process.refusal ?? why}`,
      context: { process: name },
    });
  }

  #noteSoon(): void {
    if (this.#isNotePending) return;
    this.#isNotePending = true;
    this.#options.world.timers.after(0, () => {
      this.#isNotePending = false;
      this.#options.note(
        this.processes.flatMap(({ spec, identity }) =>
          identity === undefined ? [] : [{ name: spec.name, ...identity }],
        ),
      );
    });
  }

  #until(isTrue: () => boolean, timeoutMs: number): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const end = (): void => {
        this.#waiting.delete(look);
        timer.cancel();
      };
      const look = (): void => {
        if (this.#failure !== undefined) {
          end();
          reject(this.#failure);
        } else if (isTrue()) {
          end();
          resolve(true);
        }
      };
      const timer = this.#options.world.timers.after(timeoutMs, () => {
        end();
        resolve(isTrue());
      });
      this.#waiting.add(look);
      look();
    });
  }
}
