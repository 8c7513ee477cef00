import { CallTallies, type Replica, replicaIdAt, type StartReplica } from "@tandem/libs/service";
import { createLog, createMetrics, type Log, type Metrics } from "@tandem/libs/telemetry";
import { realWorld, type World } from "@tandem/libs/world";
import { doorPathOf, grpcDoorPathOf, linkPathOf, readSiteFile } from "../fleet/site-file.ts";
import { buildSite } from "./build-site.ts";
import { watchForEnd } from "./ending.ts";
import { lendDoor } from "./lend-door.ts";
import { loadDeployable } from "./load-deployable.ts";
import { markLate } from "./mark-late.ts";
import { followMembers, type Members } from "./members.ts";
import type { OrphanRule } from "./orphan.ts";
import { type ProcessSample, sampleProcess } from "./process-metrics.ts";
import { type HostedReplica, reportSamples } from "./report-samples.ts";
import { followSigningKeys } from "./signing-keys.ts";
import { linkToSupervisor, type SupervisorLink } from "./supervisor-link.ts";
import { tellRelieved } from "./tell-relieved.ts";
import { tellRollout } from "./tell-rollout.ts";
import { tellRoom } from "./tell-room.ts";

/** A third of the shortest silence that may be configured; one second costs nothing when idle. */
const beatPeriodMs = 1000;
const readinessPeriodMs = 20;

/**
 * Hosts the replicas of one process. Its code is loaded at once, in parallel with everything else
 * that starts; its replicas are opened when the supervisor says so. How it ends is told in
 * `ending.ts`. It fails by refusing to start, with a message for people, or by exiting: there is no
 * half-working process.
 */
export async function runHost(options: {
  readonly siteFile: string;
  readonly sourceFolder: string;
  readonly deployables: readonly string[];
}): Promise<void> {
  const world = realWorld();
  const replicas: Replica[] = [];
  const state: HostState = {
    isStarted: false,
    sample: undefined,
    orphanRule: undefined,
    members: undefined,
    callTallies: new CallTallies(),
  };
  const link = linkToSupervisor({
    path: linkPathOf(options.siteFile),
    greeting: () => ({
      kind: "greeting",
      pid: process.pid,
      isStarted: state.isStarted,
      isStopping: ending.isStopping,
      unready: unreadyOf({ replicas, state }),
    }),
  });
  const name = options.deployables.join("+");
  let log: Log = createLog({ level: "info", fields: { process: name } });
  const orphanRule = (): OrphanRule | undefined => state.orphanRule;
  const ending = watchForEnd({ world, link, replicas, orphanRule, log: () => log });
  try {
    const starts = await loadAll(options.sourceFolder, options.deployables);
    link.tell({ kind: "loaded" });
    const metrics = createMetrics({ process: name });
    beat({ world, metrics, link, replicas, state });
    await link.opening;
    const file = readSiteFile(options.siteFile);
    log = createLog({ level: file.logLevel, fields: { process: file.process, pid: process.pid } });
    state.orphanRule = file.orphanRule;
    const members = followMembers(link, file);
    state.members = members;
    const signingKeys = followSigningKeys(link, file);
    lendDoor(doorPathOf(options.siteFile), file.publicDescriptor);
    lendDoor(grpcDoorPathOf(options.siteFile), file.grpcDescriptor);
    const hosted: HostedReplica[] = await Promise.all(
      file.replicas.map(async (named) => {
        const start = starts.get(named.deployable);
        if (start === undefined) throw new Error(`${named.deployable} was not loaded`);
        const { callTallies } = state;
        const told = { members, signingKeys, callTallies };
        const site = buildSite(file, named, { world, log, metrics, ...told });
        const replica = await start(site);
        replicas.push(replica);
        return { site, replica };
      }),
    );
    markLate(options.deployables);
    state.isStarted = true;
    link.tell({ kind: "started" });
    tellWhenReady({ world, link, replicas });
    reportSamples(hosted, metrics, () => state.sample);
    tellRollout(link, metrics);
    tellRelieved(link, metrics);
    tellRoom(world, metrics, file.replicas[0]?.dataDirectory ?? ".");
  } catch (error) {
    ending.refuse(error);
  }
}

interface HostState {
  isStarted: boolean;
  /** The newest one; undefined until the first beat. */
  sample: ProcessSample | undefined;
  /** Once the site file is read. */
  orphanRule: OrphanRule | undefined;
  members: Members | undefined;
  readonly callTallies: CallTallies;
}

/** Failing checks, as `auth-1 database`. */
function unreadyOf(parts: {
  readonly replicas: readonly Replica[];
  readonly state: HostState;
}): string[] {
  if (!parts.state.isStarted) return ["starting"];
  return parts.replicas.flatMap((replica) =>
    replica.unreadyChecks().map((check) => `${replicaIdAt(replica.address)} ${check}`),
  );
}

async function loadAll(
  sourceFolder: string,
  deployables: readonly string[],
): Promise<ReadonlyMap<string, StartReplica>> {
  const starts = new Map<string, StartReplica>();
  for (const deployable of deployables) {
    starts.set(deployable, await loadDeployable(sourceFolder, deployable));
  }
  return starts;
}

function beat(parts: {
  readonly world: World;
  readonly metrics: Metrics;
  readonly link: SupervisorLink;
  readonly replicas: readonly Replica[];
  readonly state: HostState;
}): void {
  const { world, metrics, link, replicas, state } = parts;
  sampleProcess(
    { world, metrics },
    {
      periodMs: beatPeriodMs,
      onSample: (sample) => {
        state.sample = sample;
        const calls =
          state.members?.isAnyOnTrial === true ? state.callTallies.figures() : undefined;
        const unready = unreadyOf({ replicas, state });
        link.tell({ kind: "beat", unready, ...sample, ...(calls && { calls: [...calls] }) });
      },
    },
  );
}

function tellWhenReady(parts: {
  readonly world: World;
  readonly link: SupervisorLink;
  readonly replicas: readonly Replica[];
}): void {
  const isReady = (): boolean =>
    parts.replicas.every((replica) => replica.unreadyChecks().length === 0);
  if (isReady()) {
    parts.link.tell({ kind: "ready" });
    return;
  }
  const timer = parts.world.timers.every(readinessPeriodMs, () => {
    if (!isReady()) return;
    timer.cancel();
    parts.link.tell({ kind: "ready" });
  });
}
