/** F53 and F54: everything at once. */
import { atMost, type LiveFault, type Scene, type Seen } from "../fault.ts";
import { killAll } from "../kill-loop.ts";
import { pause, timeUntil } from "../waiting.ts";
import { isServed } from "./network.ts";

export const startedWithoutStores: LiveFault = {
  id: "F53",
  what: "every process started anew in random order while both stores are away",
  seconds: { usual: 6, long: 10 },
  load: { callsPerSecond: 0, streams: 0 },
  async strike({ house, seconds, random, tell }) {
    await house.database.server.kill();
    await house.hotStore?.server.signal("SIGKILL");
    const { processes } = await house.tandem.status();
    for (const { pid } of processes.toSorted(() => random.fraction() - 0.5)) {
      if (pid !== undefined) process.kill(pid, "SIGKILL");
      await pause(random.integer(100));
    }
    await pause(seconds * 1_000);
    await house.database.server.start();
    await house.hotStore?.server.start();
    const readyMs = await timeUntil(async () => {
      const now = await house.tandem.status();
      return now.processes.every(({ state }) => state === "ready");
    }, 60_000);
    tell(`  all ready ${Math.round(readyMs)} ms after the stores`);
    const servedMs = readyMs + (await timeUntil(() => isServed(house), 20_000));
    return {
      recoveryMs: servedMs,
      figures: { readyMs, servedMs },
      wrongs: atMost("ready after the stores", readyMs, 5_000),
    };
  },
};

/** One thing after the other, the next one often before the last is over. */
async function something(scene: Scene): Promise<string> {
  const { house, random, tell } = scene;
  const { tandem } = house;
  const { processes } = await tandem.status();
  const name = random.pick(processes).name;
  const deeds: Readonly<Record<string, () => Promise<void>>> = {
    "kill -9": async () => {
      const everyMs = [400, 400] as const;
      const kill = { victims: "any" as const, seconds: 0.3, everyMs, random };
      await killAll(tandem, kill, { recoveries: [], tell: () => undefined });
    },
    freeze: async () => {
      await tandem.kill(name, "SIGSTOP").catch(() => undefined);
      await pause(1_500);
      await tandem.kill(name, "SIGCONT").catch(() => undefined);
    },
    "database killed": async () => {
      await house.database.server.kill();
      await house.database.server.start();
    },
    "hot store killed": async () => {
      await house.hotStore?.server.signal("SIGKILL");
      await house.hotStore?.server.start();
    },
    "an upstream cut": async () => random.pick(house.primaries).link.cutAll(),
    "database slow": async () => {
      await house.database.link.set({ down: { latencyMs: 200 } });
      await pause(1_500);
      await house.database.link.set({});
    },
  };
  const what = random.pick(Object.keys(deeds));
  tell(`  ${what}`);
  await deeds[what]?.();
  return what;
}

function almostNothingNoticed({ load, figures }: Seen): string[] {
  const wrongs = load.failures
    .filter(({ what }) => what === "unmarked" || what === "wrong")
    .map(({ kind, what }) => `a ${kind} was ${what}`);
  const unary = figures["unaryOk"] ?? 0;
  return unary < 99.999 ? [...wrongs, `unary ${unary.toFixed(3)} %`] : wrongs;
}

export const everything: LiveFault = {
  id: "F54",
  what: "kills, freezes, store and upstream faults at random (Poisson)",
  seconds: { usual: 60, long: 1_800 },
  attempts: 3,
  async strike(scene) {
    const endMs = performance.now() + scene.seconds * 1_000;
    let deeds = 0;
    for (; performance.now() < endMs; deeds += 1) {
      await something(scene);
      // Times between events that know nothing of one another; 3 s in the middle.
      await pause(-Math.log(1 - scene.random.fraction()) * 3_000);
    }
    return { figures: { deeds } };
  },
  judge: almostNothingNoticed,
};
