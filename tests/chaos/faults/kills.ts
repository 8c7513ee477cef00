/** F01 to F05: kill -9 of what has a sister, again and again, and of the supervisor. */
import { startTandem } from "@tandem/libs/testing";
import { atMost, type LiveFault, noneFailed, nothingNoticed, type Scene } from "../fault.ts";
import { killAll, type Victims } from "../kill-loop.ts";
import { pause, timeUntil } from "../waiting.ts";

const recoveryLimitMs = 5_000;

async function killUnder(scene: Scene, victims: Victims, everyMs: readonly [number, number]) {
  const recoveries: Promise<number>[] = [];
  const { house, seconds, tell } = scene;
  await killAll(
    house.tandem,
    { victims, seconds, everyMs, random: scene.random },
    { recoveries, tell },
  );
  const settled = await Promise.allSettled(recoveries);
  const times = settled
    .map((one) => (one.status === "fulfilled" ? one.value : Number.POSITIVE_INFINITY))
    .toSorted((a, b) => a - b);
  const recoveryMsP50 = times[Math.floor(times.length / 2)] ?? 0;
  const recoveryMs = times.at(-1) ?? 0;
  return {
    recoveryMs,
    figures: { kills: times.length, recoveryMsP50 },
    wrongs: [
      ...(times.length === 0 ? ["nobody was killed"] : []),
      // Who waits for a machine that is shared waits longer; in CI only the way back counts.
      ...(scene.isShort ? [] : atMost("recovery", recoveryMs, recoveryLimitMs)),
    ],
  };
}

export const gatewaysKilled: LiveFault = {
  id: "F01",
  what: "kill -9 of a random gateway replica every 500 ms",
  seconds: { short: 4, usual: 30, long: 600 },
  strike: (scene) => killUnder(scene, "gateways", [500, 500]),
};

export const servicesKilled: LiveFault = {
  id: "F02",
  what: "kill -9 of a random service process every 500 ms",
  seconds: { short: 4, usual: 30, long: 600 },
  strike: (scene) => killUnder(scene, "services", [500, 500]),
};

/** A connection to a router ends with it: its client tries again, and sees a cut stream as cut. */
export const routersKilled: LiveFault = {
  id: "F03",
  what: "kill -9 of a random router every 500 ms",
  seconds: { short: 4, usual: 30, long: 600 },
  attempts: 3,
  strike: (scene) => killUnder(scene, "routers", [500, 500]),
  judge: (seen) => [...noneFailed(seen), ...atMost("refused", seen.load.refused, 0)],
};

export const allRoutersKilled: LiveFault = {
  id: "F04",
  what: "kill -9 of all routers at once, 5 s apart",
  seconds: { short: 4, usual: 20, long: 100 },
  attempts: 3,
  async strike({ house, seconds, tell }) {
    const { tandem } = house;
    const endMs = performance.now() + seconds * 1_000;
    const waits: number[] = [];
    while (performance.now() < endMs || waits.length === 0) {
      const routers = (await tandem.status()).processes.filter(({ hosts }) =>
        hosts.some((replica) => replica.startsWith("router/")),
      );
      for (const { pid } of routers) if (pid !== undefined) process.kill(pid, "SIGKILL");
      // Connections wait in the held socket's queue until somebody accepts them.
      waits.push(
        await timeUntil(
          () =>
            fetch(`${tandem.origin}/v1/models`, {
              headers: { authorization: `Bearer ${tandem.apiKey}` },
            }).then(
              async (answer) => (await answer.text()) !== "" && answer.status === 200,
              () => false,
            ),
          20_000,
        ),
      );
      tell(`  all routers killed: answered after ${Math.round(waits.at(-1) ?? 0)} ms`);
      await tandem.until(({ state }) => state === "ready", 20_000);
      if (performance.now() < endMs) await pause(Math.min(5_000, endMs - performance.now()));
    }
    return {
      recoveryMs: Math.max(...waits),
      figures: { rounds: waits.length, waitMsMax: Math.max(...waits) },
    };
  },
  judge: (seen) => [...noneFailed(seen), ...atMost("refused", seen.load.refused, 0)],
};

/** The successor finds what runs, and takes it over. */
export const supervisorKilled: LiveFault = {
  id: "F05",
  what: "kill -9 of the supervisor; a successor takes over",
  seconds: { usual: 20, long: 60 },
  async strike({ house, tell }) {
    const pidsOf = async () =>
      JSON.stringify((await house.tandem.status()).processes.map(({ name, pid }) => [name, pid]));
    const before = await pidsOf();
    const { dataDirectory, origin, supervisorPid } = house.tandem;
    process.kill(supervisorPid, "SIGKILL");
    const startMs = performance.now();
    const flags = ["--port", new URL(origin).port];
    const own = house.tandem;
    house.tandem = await startTandem({ ...house.startOptions, dataDirectory, flags });
    const tookMs = performance.now() - startMs;
    // Whoever made the folder removes it.
    const { stop } = house.tandem;
    house.tandem = {
      ...house.tandem,
      async stop() {
        const end = await stop();
        await own.stop();
        return end;
      },
    };
    tell(`  the successor is ready after ${Math.round(tookMs)} ms`);
    const isSame = (await pidsOf()) === before;
    return {
      recoveryMs: tookMs,
      figures: { takeOverMs: tookMs },
      wrongs: isSame ? [] : ["the successor started processes anew"],
    };
  },
  judge: nothingNoticed,
};
