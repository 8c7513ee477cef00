import { type Lifecycle, replicasOf, type Topology } from "@tandem/libs/service";
import type { Ground } from "./build-ground.ts";
import { type DetectedUpstream, detectUpstreams } from "./detect-upstreams.ts";
import { askMonitoring } from "./fleet/ask-monitoring.ts";
import { openControlDoor, type Status, statusOfProcesses } from "./fleet/control-door.ts";
import { Fleet } from "./fleet/fleet.ts";
import { type LaunchPlan, launchProcess } from "./fleet/launch.ts";
import { guardMemory } from "./fleet/memory-guard.ts";
import { Rollout } from "./fleet/rollout.ts";
import { siteFilePath } from "./fleet/site-file.ts";
import { hashOf } from "./folder/notes.ts";
import { keepNotes } from "./keep-notes.ts";
import { followLogs } from "./output/log-follower.ts";
import { findProviderKeys } from "./provider-keys.ts";
import { KeyRotation } from "./rotate-keys.ts";
import type { RunOptions } from "./run-options.ts";
import { writeSiteFiles } from "./site-files.ts";
import { openStores, type Stores } from "./stores.ts";
import { warmUp } from "./warm-up.ts";
import { watchFiles } from "./watch-files.ts";

/** Deployables without a database; every other one has its own. */
const withoutDatabase = new Set(["router", "access", "business", "ai", "engine"]);
const logRotateBytes = 16 * 1024 * 1024;
/** Of a single process that is restarted while the others serve: two probe periods of a router. */
const restartNoticeMs = 500;

/** Of what is replaced for good: clients with idle connections use them once more, and hear it. */
const leaveNoticeMs = 3000;
/** As long as the longest stream may last. */
const leaveDeadlineMs = 600_000;

interface Parts {
  readonly ground: Ground;
  readonly lifecycle: Lifecycle;
  /** Ends the whole platform. */
  readonly stop: () => Promise<void>;
}

/**
 * Code is loaded while the stores start: it is most of a process's start, and needs no database.
 * `open` then lets the processes open their replicas.
 */
export function buildFleet(
  options: RunOptions,
  parts: Parts,
): { readonly fleet: Fleet; open(): Promise<void> } {
  const { config, topology, world, announcer, directory, sourceFolder } = options;
  const { ground, lifecycle } = parts;
  const sites: SiteWriter = { write: () => {} };
  const fleet: Fleet = new Fleet({
    topology,
    members:
      ground.heritage?.processes ??
      topology.processes.map((spec) => ({
        ...{ spec, sourceFolder, isMember: true, replaces: undefined, adopted: undefined },
      })),
    world,
    log: announcer.log,
    silenceLimitMs: config.silenceLimitMs,
    levelPatienceMs: config.levelPatienceMs,
    onRoster: () => sites.write(),
    launch: (spec, folder) => launchProcess(launchPlan(options, ground), spec, folder),
  });
  const follower = followLogs({
    world,
    folder: directory.logs,
    processes: () => fleet.processes.map(({ spec }) => spec.name),
    rotateBytes: logRotateBytes,
    onLine: announcer.line,
  });
  lifecycle.defer("logs", () => follower.close());
  const stores = openAllStores(options, ground);
  lifecycle.defer("stores", async () => (await stores.catch(() => undefined))?.close());
  lifecycle.defer("processes", () => fleet.stop({ deadlineMs: config.drainTimeoutMs }), {
    // The fleet keeps its own deadlines, level by level; this one is for a fleet that does not.
    deadlineMs: (config.drainTimeoutMs + 5000) * 3,
  });
  const { runDirectory, door, grpcDoor } = ground;
  const notes = keepNotes({
    file: directory.processesFile,
    fixed: {
      runDirectory: runDirectory.path,
      door: { host: door.host, port: door.port },
      ...(grpcDoor && { grpcDoor: { port: grpcDoor.port } }),
      topologyHash: hashOf(topology),
      folders: [runDirectory.path, runDirectory.stores],
    },
    ...{ fleet, stores, world },
  });
  lifecycle.defer("notes", () => notes.close());
  const { compileCache } = directory;
  const deployables = deployablesOf(topology);
  const loading = warmUp({ compileCache, sourceFolder, deployables }).then(() => fleet.load());
  return { fleet, open: () => openFleet(options, { ...parts, fleet, stores, loading, sites }) };
}

/** Writes what processes are told when they start; there is nothing to write before the stores are open. */
interface SiteWriter {
  write: () => void;
}

function launchPlan({ directory, world }: RunOptions, ground: Ground): LaunchPlan {
  const { sockets } = ground.runDirectory;
  return {
    compileCache: directory.compileCache,
    logs: directory.logs,
    environment: world.environment,
    siteFileOf: (process) => siteFilePath(sockets, process),
    sockets,
    publicDescriptor: ground.door.descriptor,
    grpcDescriptor: ground.grpcDoor?.descriptor,
  };
}

/** What is hosted, each once. */
function deployablesOf(topology: Topology): readonly string[] {
  return [...new Set(replicasOf(topology).map(({ deployable }) => deployable))];
}

/** `router ai auth ×2 · engine`: what is hosted, and how often. */
function summaryOf(topology: Topology): string {
  const counts = new Map<string, number>();
  for (const { deployable } of replicasOf(topology)) {
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

async function openAllStores(options: RunOptions, ground: Ground): Promise<Stores> {
  const { world, announcer, config, directory, topology } = options;
  const startMs = world.clock.monotonicMs();
  const stores = await openStores({
    config,
    directory,
    socketFolder: ground.runDirectory.stores,
    owners: deployablesOf(topology).filter((deployable) => !withoutDatabase.has(deployable)),
    world,
    log: announcer.log,
  });
  const durationMs = world.clock.monotonicMs() - startMs;
  for (const { name, kind } of stores.status()) announcer.step(name, kind, durationMs);
  return stores;
}

async function openFleet(
  options: RunOptions,
  parts: Parts & {
    readonly fleet: Fleet;
    readonly stores: Promise<Stores>;
    readonly loading: Promise<void>;
    readonly sites: SiteWriter;
  },
): Promise<void> {
  const { config, world, announcer, directory, sourceFolder } = options;
  const { ground, lifecycle, fleet, sites } = parts;
  const startMs = world.clock.monotonicMs();
  const [stores, detected] = await Promise.all([
    parts.stores,
    config.detect ? detectUpstreams() : [],
    parts.loading,
  ]);
  for (const { name, baseUrl, models } of detected) {
    announcer.step("found", `${name} at ${baseUrl} (${models} models)`, 0);
  }
  const siteOptions = {
    ...options,
    logLevel: config.logLevel,
    orphanLimitMs: config.orphanLimitMs,
    hasGrpcDoor: ground.grpcDoor !== undefined,
    sockets: ground.runDirectory.sockets,
    databaseUrls: stores.databaseUrls,
    hotStoreUrl: stores.hotStoreUrl,
    told: whatIsTold(options, ground, detected),
  };
  const rotation = buildRotation(options, parts);
  sites.write = () => writeSiteFiles(fleet, { ...siteOptions, secrets: rotation.secrets });
  sites.write();
  const { compileCache } = directory;
  const deployables = deployablesOf(options.topology);
  const rollout = new Rollout({
    ...{ fleet, world, log: announcer.log, sockets: ground.runDirectory.sockets },
    warmUp: (folder) => warmUp({ compileCache, sourceFolder: folder, deployables }),
    deadlines: { noticeMs: leaveNoticeMs, deadlineMs: leaveDeadlineMs },
  });
  const control = await openControlDoor({
    path: ground.control,
    ...{ fleet, rollout, rotation, sourceFolder, log: announcer.log },
    deadlines: { noticeMs: restartNoticeMs, deadlineMs: config.drainTimeoutMs },
    shutdown: () => void parts.stop(),
    alerts: () => askMonitoring(fleet.processes, ground.runDirectory.sockets),
    status: (): Status => ({
      pid: process.pid,
      state: lifecycle.isDraining ? "stopping" : fleet.state,
      url: ground.url,
      grpcAddress: ground.grpcAddress,
      dataDirectory: directory.path,
      runDirectory: ground.runDirectory.path,
      stores: stores.status(),
      processes: statusOfProcesses(fleet),
    }),
  });
  lifecycle.defer("control door", () => control.close());
  await fleet.open();
  watchMemory(options, { fleet, rollout, lifecycle });
  // In the background: what runs serves meanwhile.
  if (ground.heritage !== undefined) void rollout.takeBack();
  void rotation.takeUp();
  if (config.watch) restartOnChange(options, { fleet, lifecycle });
  const durationMs = world.clock.monotonicMs() - startMs;
  const unready = fleet.processes.filter(({ state }) => state !== "ready");
  const inherited = ground.heritage === undefined ? "" : " (taken over)";
  announcer.step("processes", `${summaryOf(fleet.roster.topology)}${inherited}`, durationMs);
  if (unready.length > 0) announcer.incomplete(unready.map(({ spec }) => spec.name));
}

function watchMemory(
  { config, world, announcer }: RunOptions,
  parts: { readonly fleet: Fleet; readonly rollout: Rollout; readonly lifecycle: Lifecycle },
): void {
  const shareMax = config.memoryPercentMax / 100;
  const guard = guardMemory({ ...parts, world, log: announcer.log, shareMax });
  parts.lifecycle.defer("memory guard", () => Promise.resolve(guard.close()));
}

function buildRotation(
  { world, topology, announcer, directory, config }: RunOptions,
  parts: Parts & { readonly fleet: Fleet; readonly sites: SiteWriter },
): KeyRotation {
  const { fleet, sites, ground, lifecycle } = parts;
  const rotation = new KeyRotation({
    ...{ fleet, world, topology, log: announcer.log },
    ...{ secrets: ground.secrets, secretsFile: directory.secretsFile },
    overlapMs: config.keyOverlapMs,
    writeSites: () => sites.write(),
  });
  lifecycle.onDrain(() => rotation.close());
  return rotation;
}

/** `npm run dev`: what a changed file is loaded by is started anew. */
function restartOnChange(
  { sourceFolder, world, announcer }: RunOptions,
  { fleet, lifecycle }: { readonly fleet: Fleet; readonly lifecycle: Lifecycle },
): void {
  const watcher = watchFiles({
    sourceFolder,
    world,
    onChange: (paths) => {
      const affected = new Set(paths.flatMap((path) => fleet.affectedBy(path)));
      for (const process of affected) {
        announcer.log.warn("source_changed", { process: process.spec.name });
        void fleet.restart(process, { noticeMs: 0, deadlineMs: 1000 });
      }
    },
  });
  lifecycle.defer("file watch", () => watcher.close());
}

/** Settings that the supervisor finds out itself. What the configuration file says wins. */
function whatIsTold(
  { config, world, announcer }: RunOptions,
  { secrets }: Ground,
  detected: readonly DetectedUpstream[],
): ReadonlyMap<string, Readonly<Record<string, unknown>>> {
  const keys = findProviderKeys(world.environment);
  if (!config.useEnvKeys) announcer.unused(keys.map(({ variable }) => variable));
  const paid = config.useEnvKeys
    ? keys.flatMap(({ upstream, apiKey }) => (upstream ? [{ ...upstream, apiKey }] : []))
    : [];
  return new Map<string, Readonly<Record<string, unknown>>>([
    ["auth", { setupToken: secrets.setupToken }],
    [
      "inference",
      {
        detected: detected.map(({ name, profile, baseUrl }) => ({ name, profile, baseUrl })),
        ...(paid.length > 0 ? { upstreams: paid } : {}),
      },
    ],
    ["engine", config.model ? {} : { generate: false }],
  ]);
}
