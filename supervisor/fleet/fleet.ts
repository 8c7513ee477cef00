import type { Topology, TopologyProcess } from "@tandem/libs/service";
import { parseReplicaName } from "@tandem/libs/service";
import type { Log } from "@tandem/libs/telemetry";
import type { Timer, World } from "@tandem/libs/world";
import { affectedDeployables } from "../core/affected-deployables.ts";
import { groupByLevel } from "../core/levels.ts";
import { lookAround, watchFrom } from "../core/silence.ts";
import { supervisorFaults } from "../faults.ts";
import type { AdoptedProcess } from "./adopted-process.ts";
import {
  type Launch,
  ManagedProcess,
  type ProcessEvent,
  type Replaced,
} from "./managed-process.ts";
import type { Order } from "./messages.ts";
import { Roster } from "./roster.ts";

/** A process that the fleet is to have, or has already where it was adopted. */
export interface FleetMember {
  readonly spec: TopologyProcess;
  readonly sourceFolder: string;
  /** Others call it. */
  readonly isMember: boolean;
  /** It came with an upgrade that the last supervisor did not live to end. */
  readonly replaces: Replaced | undefined;
  readonly adopted: AdoptedProcess | undefined;
}

export interface FleetOptions {
  readonly topology: Topology;
  readonly members: readonly FleetMember[];
  readonly world: World;
  readonly log: Log;
  readonly launch: Launch;
  /** Called when processes were added or who is called has changed, before anybody is told. */
  readonly onRoster: () => void;
  readonly silenceLimitMs: number;
  readonly levelPatienceMs: number;
}

/** How long a process keeps serving when it is told to end, and how long it may take to. */
export interface Deadlines {
  readonly noticeMs: number;
  readonly deadlineMs: number;
}

const lookPeriodMs = 500;
/** For what was on its way out when the last supervisor was killed. */
const inheritedDeadlines: Deadlines = { noticeMs: 500, deadlineMs: 600_000 };
/** A process that dies so often before it was ever ready will not start by itself. */
const startDeathsMax = 5;

/** All processes of a topology: loads them, opens them level by level, keeps them running. */
export class Fleet {
  readonly roster: Roster;
  #processes: readonly ManagedProcess[] = [];
  readonly #options: FleetOptions;
  readonly #waiting = new Set<() => void>();
  readonly #watch: Timer;
  #failure: Error | undefined;
  #isOpen: boolean = false;
  #rolledBack = "";
  readonly #relieved = new Map<string, number>();
  /** Undefined until signing keys are first rotated: what the site files say is all there is. */
  #keysOrderFor: ((spec: TopologyProcess) => Order) | undefined;

  constructor(options: FleetOptions) {
    this.#options = options;
    const { world, members } = options;
    this.roster = new Roster({
      base: options.topology,
      members: members.filter(({ isMember }) => isMember).map(({ spec }) => spec),
      onChange: () => {
        options.onRoster();
        for (const process of this.#processes) this.#tellRoster(process);
      },
    });
    for (const { spec, sourceFolder, replaces, adopted } of members) {
      const process = this.add(spec, sourceFolder);
      process.replaces = replaces;
      if (adopted !== undefined) process.adopt(adopted);
    }
    let watch = watchFrom(world.clock.monotonicMs());
    this.#watch = world.timers.every(lookPeriodMs, () => {
      watch = lookAround(watch, world.clock.monotonicMs());
      for (const process of this.#processes) process.look(watch);
    });
  }

  get processes(): readonly ManagedProcess[] {
    return this.#processes;
  }

  /** By its own name or by that of a replica, `ai-1`; throws `supervisor.process_unknown`. */
  find(name: string): ManagedProcess {
    const process =
      this.#processes.find(({ spec }) => spec.name === name) ??
      this.#processes.find(({ spec }) =>
        spec.hosts.some((host) => parseReplicaName(host).id === name),
      );
    if (process === undefined) throw supervisorFaults.process_unknown();
    return process;
  }

  /** A further process: nothing of it runs yet, and nobody calls it. */
  add(spec: TopologyProcess, sourceFolder: string): ManagedProcess {
    const { world, launch, silenceLimitMs } = this.#options;
    const process: ManagedProcess = new ManagedProcess({
      spec,
      sourceFolder,
      world,
      launch,
      silenceLimitMs,
      onEvent: (event) => this.#hear(process, event),
    });
    this.#processes = [...this.#processes, process];
    this.#options.onRoster();
    return process;
  }

  /** Drains a process, ends it and forgets it. */
  async retire(process: ManagedProcess, deadlines: Deadlines): Promise<void> {
    await process.stop(deadlines);
    this.#processes = this.#processes.filter((each) => each !== process);
  }

  get isReady(): boolean {
    return this.#members.every(({ state }) => state === "ready");
  }

  get state(): "starting" | "ready" | "degraded" {
    if (!this.#isOpen) return "starting";
    return this.isReady ? "ready" : "degraded";
  }

  get #members(): readonly ManagedProcess[] {
    return this.#processes.filter(({ spec }) => this.roster.isMember(spec.name));
  }

  /** Makes a start that is under way fail now: somebody wants to stop. */
  giveUp(): void {
    this.#failure ??= supervisorFaults.process_failed({
      publicMessage: "The start was broken off.",
    });
    for (const look of [...this.#waiting]) look();
  }

  /** Starts all members that do not run yet, as far as loading their code goes. */
  load(): void {
    if (this.#failure !== undefined) return;
    for (const process of this.#processes) {
      const isMember = this.roster.isMember(process.spec.name);
      // What a killed supervisor was about to end is ended, and begun anew where it is wanted.
      if (!isMember) void this.retire(process, inheritedDeadlines);
      else if (process.state === "draining") void this.restart(process, inheritedDeadlines);
      else process.load();
    }
  }

  /**
   * Opens level by level, each once the one below is ready, or has used its patience up: a service
   * that waits for something must not keep the rest from serving. Throws
   * `supervisor.process_failed` when a process cannot start at all.
   */
  async open(): Promise<void> {
    const { log, levelPatienceMs } = this.#options;
    for (const level of byLevel(this.#members)) {
      for (const process of level) process.open();
      const isLevelReady = (): boolean => level.every(({ state }) => state === "ready");
      if (await this.until(isLevelReady, levelPatienceMs)) continue;
      for (const { spec, state, unready } of level) {
        if (state !== "ready")
          log.warn("process_not_ready", { process: spec.name, state, unready });
      }
    }
    // From here on a process that dies is a matter of restarting, not of a failed start.
    this.#isOpen = true;
  }

  /** Drains level by level, the highest first, and ends every process. */
  async stop({ deadlineMs }: { readonly deadlineMs: number }): Promise<void> {
    for (const level of byLevel(this.#processes).toReversed()) {
      await Promise.all(level.map((process) => process.stop({ noticeMs: 0, deadlineMs })));
    }
    this.#watch.cancel();
  }

  /** Ends every process at once and for good. */
  abandon(): void {
    for (const process of this.#processes) process.abandon();
  }

  /** Drains one process and starts it anew. */
  async restart(process: ManagedProcess, deadlines: Deadlines): Promise<void> {
    await process.stop(deadlines);
    process.load();
    process.open();
  }

  /** The processes that load this source file. */
  affectedBy(path: string): readonly ManagedProcess[] {
    const deployables = affectedDeployables(path);
    if (deployables === undefined) return [];
    return this.#processes.filter(
      ({ spec }) =>
        deployables === "all" ||
        spec.hosts.some((replica) => deployables.includes(replica.split("/")[0] ?? "")),
    );
  }

  /** Resolves to whether it is so within the time; looks whenever a process changes. */
  until(isTrue: () => boolean, timeoutMs: number): Promise<boolean> {
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

  /** Lets everybody know why the last upgrade was undone; empty once another one has begun. */
  tellRollout(rolledBack: string): void {
    this.#rolledBack = rolledBack;
    for (const process of this.#processes) process.tell({ kind: "rollout", rolledBack });
  }

  /** Lets everybody know that a process of this kind was replaced for its memory. */
  tellRelieved(kind: string): void {
    this.#relieved.set(kind, (this.#relieved.get(kind) ?? 0) + 1);
    const counts = Object.fromEntries(this.#relieved);
    for (const process of this.#processes) process.tell({ kind: "relieved", counts });
  }

  /** Lets everybody know what to sign with and accept. Who starts reads it in its file. */
  tellKeys(orderFor: (spec: TopologyProcess) => Order): void {
    this.#keysOrderFor = orderFor;
    for (const process of this.#processes) process.tell(orderFor(process.spec));
  }

  /** Who does not hold the signing keys of this name yet. */
  withoutKeys(name: string): readonly ManagedProcess[] {
    return this.#processes.filter((process) => !process.holdsKeys(name));
  }

  #tellRoster(process: ManagedProcess): void {
    const { topology, weights } = this.roster;
    process.tell({ kind: "members", topology, weights });
    if (this.#keysOrderFor !== undefined) process.tell(this.#keysOrderFor(process.spec));
    const rolledBack = this.#rolledBack;
    if (rolledBack !== "") process.tell({ kind: "rollout", rolledBack });
    const counts = Object.fromEntries(this.#relieved);
    if (this.#relieved.size > 0) process.tell({ kind: "relieved", counts });
  }

  #hear(process: ManagedProcess, event: ProcessEvent): void {
    const { log } = this.#options;
    const { name } = process.spec;
    if (event.kind === "state") {
      const { state } = event;
      log.debug("process_state", { process: name, state, pid: process.identity?.pid });
      // What changed while it was reading the file must not pass it by.
      if (state === "unready" || state === "ready") this.#tellRoster(process);
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
}

function byLevel(processes: readonly ManagedProcess[]): readonly (readonly ManagedProcess[])[] {
  const placed = processes.map((process) => ({ level: process.spec.level, process }));
  return groupByLevel(placed).map((level) => level.map(({ process }) => process));
}
