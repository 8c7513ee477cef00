import type { TopologyProcess } from "@tandem/libs/service";
import { parseReplicaName } from "@tandem/libs/service";
import type { Log } from "@tandem/libs/telemetry";
import { sleep, type World } from "@tandem/libs/world";
import { isMovable, isTriable } from "../core/hosted.ts";
import { byLevelAndKind } from "../core/levels.ts";
import { groupOf, renumber } from "../core/renumber.ts";
import { supervisorFaults } from "../faults.ts";
import { type CanaryPlan, watchCanary } from "./canary-watch.ts";
import type { Deadlines, Fleet } from "./fleet.ts";
import type { ManagedProcess, Replaced } from "./managed-process.ts";
import { releaseFolder } from "./release-folder.ts";
import type { Tell } from "./tell.ts";

export interface UpgradeWishes {
  /** Folder of the release: this one again when it is ours. */
  readonly sourceFolder: string;
  /** Undefined: a new process takes its full part at once. */
  readonly canary: CanaryPlan | undefined;
  /** Resolve only when the replaced processes are gone. */
  readonly waitsForDrain: boolean;
}

export interface RolloutOptions {
  readonly fleet: Fleet;
  readonly world: World;
  readonly log: Log;
  /** Folder of the replicas' sockets. */
  readonly sockets: string;
  /** Compiles the release's code before its processes start. */
  readonly warmUp: (sourceFolder: string) => Promise<void>;
  /** For what is replaced or drained: streams run to their end. */
  readonly deadlines: Deadlines;
}

/** A process that has taken another one's place, and where that one's code is. */
interface Replacement {
  readonly fresh: ManagedProcess;
  readonly sourceFolder: string;
}

interface ReplaceWishes {
  readonly sourceFolder: string;
  readonly canary: CanaryPlan | undefined;
  readonly tell: Tell;
}

/** Of all kinds that are replaced at the same time. */
interface Progress {
  readonly replaced: Replacement[];
  /** Whose code is loading already, by the first of its kind that it is to replace. */
  readonly ahead: Map<ManagedProcess, ManagedProcess>;
  failure: { readonly process: string; readonly why: string; readonly cause: unknown } | undefined;
}

const startPatienceMs = 60_000;
/** A new process that dies so often will not start. */
const deathsMax = 2;
/** One that is ready may still fall over its first requests. */
const settleMs = 300;
const processesMax = 64;

/** Changes of what runs while it serves: upgrade, scale, drain. One of them at a time. */
export class Rollout {
  readonly #options: RolloutOptions;
  readonly #leaving = new Map<string, Promise<void>>();
  #isBusy: boolean = false;

  constructor(options: RolloutOptions) {
    this.#options = options;
  }

  /**
   * Replaces every process by one of the release, the lower levels first. Kinds of a level are
   * replaced at once, processes of a kind one after the other: each kind has one more than it needs
   * for a moment, and never one less. The new one is ready before the old one is not called any
   * more, and the old one finishes what it has. What goes wrong on the way is undone, and told as
   * `supervisor.upgrade_rolled_back`.
   */
  upgrade(wishes: UpgradeWishes, tell: Tell): Promise<void> {
    return this.#alone(async () => {
      const sourceFolder = releaseFolder(wishes.sourceFolder);
      const { fleet } = this.#options;
      fleet.tellRollout("");
      await this.#options.warmUp(sourceFolder);
      const progress: Progress = { replaced: [], ahead: new Map(), failure: undefined };
      const given = { sourceFolder, canary: wishes.canary, tell };
      const levels = byLevelAndKind(this.#replaceable(), ({ spec }) => spec);
      for (const [at, kinds] of levels.entries()) {
        let left = kinds.length;
        const lookAhead = (): void => {
          left -= 1;
          if (left === 0 && progress.failure === undefined) {
            this.#loadAhead(levels[at + 1], given, progress);
          }
        };
        await Promise.all(
          kinds.map((kind) => this.#replaceKind(kind, { ...given, lookAhead }, progress)),
        );
        const { replaced, failure } = progress;
        if (failure === undefined) continue;
        for (const fresh of progress.ahead.values()) this.#leave(fresh);
        const { process, why, cause } = failure;
        tell("rolling_back", { process, why, replaced: replaced.length });
        await this.#rollBack(replaced, tell);
        fleet.tellRollout(`${process}: ${why}`);
        throw supervisorFaults.upgrade_rolled_back({
          publicMessage: `The upgrade was rolled back at ${process}: ${why}. Everything runs as before.`,
          cause,
        });
      }
      for (const { fresh } of progress.replaced) fresh.replaces = undefined;
      const replaced = progress.replaced.length;
      tell("upgraded", { processes: replaced, leaving: [...this.#leaving.keys()] });
      if (wishes.waitsForDrain) await Promise.all(this.#leaving.values());
    });
  }

  /**
   * One after the other, while the next one's code is loaded already. The first is on trial; the
   * others follow once it has stood the test. Ends early when this or another kind has failed.
   */
  async #replaceKind(
    kind: readonly ManagedProcess[],
    given: ReplaceWishes & { readonly lookAhead: () => void },
    progress: Progress,
  ): Promise<void> {
    let next = kind[0] && progress.ahead.get(kind[0]);
    if (kind[0] !== undefined) progress.ahead.delete(kind[0]);
    for (const [index, old] of kind.entries()) {
      const fresh = next ?? this.#prepare(old.spec, given);
      fresh.replaces = { process: old.spec.name, sourceFolder: old.sourceFolder };
      const following = kind[index + 1];
      if (progress.failure !== undefined) return this.#leave(fresh);
      next = following && this.#prepare(following.spec, given);
      if (following === undefined) given.lookAhead();
      try {
        const canary = index === 0 ? given.canary : undefined;
        await this.#replace(old, fresh, { ...given, canary });
        progress.replaced.push({ fresh, sourceFolder: old.sourceFolder });
      } catch (cause) {
        const why = cause instanceof Error ? cause.message : String(cause);
        progress.failure ??= { process: old.spec.name, why, cause };
        if (next !== undefined) this.#leave(next);
        return;
      }
    }
  }

  /** Of each kind of the next level one; what waits meanwhile is this level's turn to be asked. */
  #loadAhead(
    kinds: readonly (readonly ManagedProcess[])[] | undefined,
    given: ReplaceWishes,
    { ahead }: Progress,
  ): void {
    for (const [first] of kinds ?? []) {
      if (first !== undefined) ahead.set(first, this.#prepare(first.spec, given));
    }
  }

  /**
   * An upgrade that its supervisor did not live to end is undone by its successor: nobody knows how
   * far the new release was found good.
   */
  takeBack(): Promise<void> {
    const { fleet, log } = this.#options;
    const tell: Tell = (event, fields) => log.info(event, fields);
    return this.#alone(async () => {
      const fresh = this.#members().filter(({ replaces }) => replaces !== undefined);
      if (fresh.length === 0) return;
      tell("rolling_back", { why: "its supervisor was killed", replaced: fresh.length });
      const replaced: Replacement[] = [];
      for (const process of fresh) {
        const { replaces } = process;
        if (replaces === undefined || this.#isBeside(replaces)) this.#dismiss(process, tell);
        else replaced.push({ fresh: process, sourceFolder: replaces.sourceFolder });
      }
      await this.#rollBack(replaced, tell);
      fleet.tellRollout("the supervisor was killed in the middle of the upgrade");
      tell("rolled_back", { replaced: fresh.length });
    });
  }

  /** The one that was to be replaced is called still: it had not come to that. */
  #isBeside(replaced: Replaced): boolean {
    return this.#members().some(
      ({ spec, sourceFolder, replaces }) =>
        replaces === undefined &&
        spec.name === replaced.process &&
        sourceFolder === replaced.sourceFolder,
    );
  }

  /** What cannot be undone stays as it is: it serves. */
  async #rollBack(replaced: readonly Replacement[], tell: Tell): Promise<void> {
    const levels = byLevelAndKind(replaced, ({ fresh }) => fresh.spec).toReversed();
    for (const kinds of levels) {
      await Promise.all(
        kinds.map(async (kind) => {
          for (const { fresh, sourceFolder } of kind.toReversed()) {
            const given = { sourceFolder, canary: undefined, tell };
            await this.#replace(fresh, this.#prepare(fresh.spec, given), given).catch(
              (error: unknown) =>
                tell("not_rolled_back", { process: fresh.spec.name, why: String(error) }),
            );
          }
        }),
      );
    }
  }

  /** Brings the number of processes of a group (`ai-gateway`, or what hosts `ai`) to `count`. */
  scale(name: string, count: number, tell: Tell): Promise<void> {
    return this.#alone(async () => {
      const { fleet } = this.#options;
      const group = this.#groupNamed(name);
      if (!Number.isInteger(count) || count < 1 || count > processesMax) {
        throw supervisorFaults.wrong_usage({
          publicMessage: `There can be 1 to ${processesMax} processes of a kind.`,
        });
      }
      const [template] = group;
      if (template === undefined || !isMovable(template.spec))
        throw supervisorFaults.not_scalable();
      for (let present = group.length; present < count; present += 1) {
        const fresh = await this.#start(template.spec, template.sourceFolder, tell);
        fleet.roster.admit(fresh.spec);
        tell("added", { process: fresh.spec.name });
      }
      for (const surplus of group.slice(count).toReversed()) this.#dismiss(surplus, tell);
      tell("scaled", { group: groupOf(template.spec.name), count });
    });
  }

  /** Takes a process out and stops it once it has finished; `start` brings it back. */
  drain(name: string, tell: Tell): Promise<void> {
    return this.#alone(async () => {
      const { fleet, deadlines } = this.#options;
      const process = fleet.find(name);
      const sisters = this.#groupNamed(groupOf(process.spec.name));
      if (!sisters.some((each) => each !== process && each.state === "ready")) {
        throw supervisorFaults.last_of_its_kind();
      }
      fleet.roster.dismiss(process.spec.name);
      tell("draining", { process: process.spec.name });
      await process.stop(deadlines);
      tell("drained", { process: process.spec.name });
    });
  }

  /** Starts a process that was stopped or drained, and lets it be called once it is ready. */
  async start(name: string): Promise<ManagedProcess> {
    const { fleet } = this.#options;
    const process = fleet.find(name);
    process.load();
    process.open();
    if (!fleet.roster.isMember(process.spec.name)) {
      await this.#becomeReady(process);
      fleet.roster.admit(process.spec);
    }
    return process;
  }

  /** Whether `renew` would take it now. */
  isRenewable(process: ManagedProcess): boolean {
    return !this.#isBusy && process.state === "ready" && this.#replaceable().includes(process);
  }

  /** One process by another one of its own release, beside it; resolves to that. */
  renew(old: ManagedProcess, tell: Tell): Promise<ManagedProcess> {
    return this.#alone(async () => {
      const { sourceFolder, spec } = old;
      const given = { sourceFolder, canary: undefined, tell };
      const fresh = this.#prepare(spec, given);
      fresh.replaces = { process: spec.name, sourceFolder };
      await this.#replace(old, fresh, given);
      fresh.replaces = undefined;
      return fresh;
    });
  }

  async #alone<Result>(run: () => Promise<Result>): Promise<Result> {
    if (this.#isBusy) throw supervisorFaults.busy({ retryAfterMs: 1000 });
    this.#isBusy = true;
    try {
      return await run();
    } finally {
      this.#isBusy = false;
    }
  }

  #replaceable(): readonly ManagedProcess[] {
    return this.#members().filter(({ spec, state }) => isMovable(spec) && state !== "stopped");
  }

  #members(): readonly ManagedProcess[] {
    const { fleet } = this.#options;
    return fleet.processes.filter(({ spec }) => fleet.roster.isMember(spec.name));
  }

  #groupNamed(name: string): readonly ManagedProcess[] {
    const members = this.#members();
    const byName = members.filter(({ spec }) => groupOf(spec.name) === name);
    const found =
      byName.length > 0
        ? byName
        : members.filter(({ spec }) => spec.hosts.some((host) => host.startsWith(`${name}/`)));
    if (found.length === 0) throw supervisorFaults.process_unknown();
    return found;
  }

  /** Lets the new one take the place of the old one; it is ended where it does not stand the test. */
  async #replace(old: ManagedProcess, fresh: ManagedProcess, given: ReplaceWishes): Promise<void> {
    const { fleet, world, sockets } = this.#options;
    const { tell, canary } = given;
    try {
      await this.#open(fresh);
      if (canary !== undefined && isTriable(fresh.spec)) {
        const control = old.spec.hosts.map((host) => parseReplicaName(host).id);
        await watchCanary({ ...{ fleet, world, sockets, tell, control }, process: fresh }, canary);
      }
      fleet.roster.admit(fresh.spec);
      await sleep(world, settleMs);
      if (fresh.deaths > 0) throw new Error(`${fresh.spec.name} died as soon as it was called`);
    } catch (error) {
      fleet.roster.dismiss(fresh.spec.name);
      this.#leave(fresh);
      throw error;
    }
    this.#dismiss(old, tell);
    tell("replaced", { process: old.spec.name, by: fresh.spec.name });
  }

  /** A further process, ready and not called yet. */
  async #start(
    template: TopologyProcess,
    sourceFolder: string,
    tell: Tell,
  ): Promise<ManagedProcess> {
    const process = this.#prepare(template, { sourceFolder, tell });
    try {
      await this.#open(process);
    } catch (error) {
      this.#leave(process);
      throw error;
    }
    return process;
  }

  /** Loads the code of a further process, and goes no further. */
  #prepare(
    template: TopologyProcess,
    { sourceFolder, tell }: Pick<ReplaceWishes, "sourceFolder" | "tell">,
  ): ManagedProcess {
    const { fleet } = this.#options;
    const present = fleet.processes.map(({ spec }) => spec);
    const process = fleet.add(renumber(template, present), sourceFolder);
    tell("starting", { process: process.spec.name });
    process.load();
    return process;
  }

  async #open(process: ManagedProcess): Promise<void> {
    process.open();
    await this.#becomeReady(process);
  }

  async #becomeReady(process: ManagedProcess): Promise<void> {
    const { name } = process.spec;
    const isDecided = (): boolean =>
      process.state === "ready" || process.refusal !== undefined || process.deaths >= deathsMax;
    await this.#options.fleet.until(isDecided, startPatienceMs);
    if (process.state === "ready") return;
    throw new Error(
      process.refusal ?? `${name} does not start (${process.unready.join(", ") || process.state})`,
    );
  }

  #dismiss(process: ManagedProcess, tell: Tell): void {
    this.#options.fleet.roster.dismiss(process.spec.name);
    tell("leaving", { process: process.spec.name });
    this.#leave(process);
  }

  /** In the background: its streams may take their time. */
  #leave(process: ManagedProcess): void {
    const { fleet, deadlines, log } = this.#options;
    const { name } = process.spec;
    const gone = fleet
      .retire(process, deadlines)
      .catch((error: unknown) =>
        log.error("retire_failed", { process: name, error: String(error) }),
      )
      .finally(() => this.#leaving.delete(name));
    this.#leaving.set(name, gone);
  }
}
