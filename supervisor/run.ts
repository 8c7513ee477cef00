/**
 * One machine's process manager. It owns a data directory and the public sockets, starts the stores
 * and the processes of a topology level by level, restarts what dies, replaces what hangs, and
 * drains everything when told to stop. It stands in no request's way: processes write their own
 * logs, keep their own connections and serve on while it is slow. It fails by refusing to start,
 * with one message that says what to do; once it runs, it goes on with what is left.
 */
import { createLifecycle } from "@tandem/libs/service";
import { buildFleet } from "./build-fleet.ts";
import { buildGround, type Ground } from "./build-ground.ts";
import { prepareDevEnv } from "./first-run.ts";
import type { Fleet } from "./fleet/fleet.ts";
import { shortPath } from "./folder/data-directory.ts";
import type { RunOptions } from "./run-options.ts";

export interface Supervisor {
  /** Settles when everything is ready and told, or with the reason why it cannot be. */
  readonly ready: Promise<void>;
  /** Drains everything, level by level; resolves when nothing of it is left. */
  stop(): Promise<void>;
  /** Ends every process at once. What `stop` still has to do goes on. */
  cut(): void;
}

/** Starts the platform; what it gives can be stopped from the first moment on. */
export function run(options: RunOptions): Supervisor {
  const { config, world, announcer, directory } = options;
  const startMs = world.clock.monotonicMs();
  const lifecycle = createLifecycle({ world, log: announcer.log });
  const replica = lifecycle.replica("tcp:supervisor");
  let fleet: Fleet | undefined;
  let stopping: Promise<void> | undefined;

  const open = async (): Promise<Ground> => {
    const ground = await buildGround(options, lifecycle);
    const parts = buildFleet(options, { ground, lifecycle, stop });
    fleet = parts.fleet;
    if (stopping === undefined) await parts.open();
    return ground;
  };
  const opening = open();
  const stop = (): Promise<void> => {
    stopping ??= (async () => {
      fleet?.giveUp();
      await opening.catch(() => {});
      await replica.close({ deadlineMs: config.drainTimeoutMs + 30_000 });
    })();
    return stopping;
  };
  const becomeReady = async (): Promise<void> => {
    const { url, grpcAddress, secrets } = await opening;
    const { log } = announcer;
    // The engine names its models before they are there; other upstreams answer at once or not.
    const modelPatienceMs = config.model ? 15_000 : 5_000;
    const { setupToken } = secrets;
    const { env, isFirst } = await prepareDevEnv({
      ...{ url, devEnvFile: directory.devEnvFile, setupToken, world, log },
      ...{ modelPatienceMs, isEngineToGenerate: config.model },
    });
    const durationMs = world.clock.monotonicMs() - startMs;
    const devEnvFile = shortPath(directory.devEnvFile);
    if (stopping !== undefined) return;
    announcer.ready({ url, grpcAddress, env, devEnvFile, isFirst, durationMs });
  };
  const ready = becomeReady().catch(async (error: unknown) => {
    // A stop that was asked for makes the start fail, and that is no failure.
    if (stopping !== undefined) return;
    await stop();
    throw error;
  });
  return { ready, stop, cut: () => fleet?.abandon() };
}
