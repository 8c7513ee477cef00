/** For G18: hours of load of a kind that leaves room, and what grows meanwhile. */
import { readFileSync } from "node:fs";
import { quantile } from "@tandem/libs/testing";
import { z } from "zod";
import type { LiveFault, Scene } from "../fault.ts";
import { flood } from "../flood.ts";
import { descriptorsOf } from "../standing-checks.ts";
import { pause } from "../waiting.ts";
import { asItStands, capacityOf } from "./overload.ts";

const loadShare = 0.7;
/** Of the time: until then caches fill, and code is compiled. */
const warmShare = 1 / 3;
const lookEveryMs = 5_000;
const hourMs = 3_600_000;

interface Look {
  readonly atMs: number;
  /** MiB by process, of those that are on the way of a call. */
  readonly memory: ReadonlyMap<string, number>;
  readonly descriptors: ReadonlyMap<number, number>;
  readonly loopMs: readonly number[];
}

const topology = z.object({
  replicas: z.array(z.object({ deployable: z.string(), event_loop_delay_ms: z.number() })),
});

/** Names of processes and deployables on the way of a call. */
const wayProcesses = /^(router|ai-gateway)-/;
const wayDeployables = /^(router|ai)$/;

async function look({ house: { tandem } }: Scene): Promise<Look> {
  const status = await tandem.status();
  const memory = status.processes
    .filter(({ name, pid }) => wayProcesses.test(name) && pid !== undefined)
    .map(({ name, pid }) => [name, residentMib(pid ?? 0)] as const);
  const { replicas } = topology.parse(await tandem.readManagement("/topology"));
  return {
    atMs: performance.now(),
    memory: new Map(memory),
    descriptors: descriptorsOf(status),
    loopMs: replicas
      .filter(({ deployable }) => wayDeployables.test(deployable))
      .map(({ event_loop_delay_ms: ms }) => ms),
  };
}

function residentMib(pid: number): number {
  const [, kib = "0"] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kib) / 1_024;
}

/** Of the straight line with the least squares, in units an hour. */
function slopeAnHour(points: readonly (readonly [atMs: number, value: number])[]): number {
  const mean = (of: (point: readonly [number, number]) => number): number =>
    points.reduce((sum, point) => sum + of(point), 0) / points.length;
  const [meanAt, meanValue] = [mean(([at]) => at), mean(([, value]) => value)];
  const spread = mean(([at]) => (at - meanAt) ** 2);
  const common = mean(([at, value]) => (at - meanAt) * (value - meanValue));
  return spread === 0 ? 0 : (common / spread) * hourMs;
}

function grownDescriptors(looks: readonly Look[]): number {
  const [first, last] = [looks[0]?.descriptors, looks.at(-1)?.descriptors];
  const grown = [...(last ?? [])].map(([pid, count]) => count - (first?.get(pid) ?? count));
  return Math.max(0, ...grown);
}

export const soak: LiveFault = {
  id: "soak",
  what: "load of seven tenths of what can be carried, for long",
  seconds: { long: 3_600 },
  load: { callsPerSecond: 0, streams: 0 },
  prepare: asItStands,
  async strike(scene) {
    const { house, seconds, tell } = scene;
    const callers = [{ apiKey: house.tandem.apiKey, share: 1 }];
    const { peak } = await capacityOf(scene, callers);
    const pace = { kind: "open", perSecond: peak * loadShare } as const;
    const order = { baseUrl: house.tandem.baseUrl, callers, pace, seconds };
    let isOver = false;
    const flooded = flood(order).finally(() => {
      isOver = true;
    });
    await pause(seconds * 1_000 * warmShare);
    const looks: Look[] = [];
    while (!isOver) {
      looks.push(await look(scene));
      await pause(lookEveryMs);
    }
    const report = await flooded;
    house.beside.nanos += report.costNanos;
    const slopes = [...(looks[0]?.memory.keys() ?? [])].map((name) => {
      const points = looks.map(({ atMs, memory }) => [atMs, memory.get(name) ?? 0] as const);
      tell(`  ${name}: ${slopeAnHour(points).toFixed(1)} MiB an hour, ${points.length} looks`);
      return slopeAnHour(points);
    });
    const delays = looks.flatMap(({ loopMs }) => loopMs).sort((left, right) => left - right);
    return {
      figures: {
        ...{ perSecond: pace.perSecond, soakSeconds: seconds },
        memoryMibAnHour: Math.max(0, ...slopes),
        descriptorsGrown: grownDescriptors(looks),
        loopMsP50: quantile(delays, 0.5),
        loopMsP99: quantile(delays, 0.99),
      },
      wrongs: [
        ...report.strange.slice(0, 3),
        ...(delays.length === 0 ? ["nobody told how late its event loop is"] : []),
      ],
    };
  },
};
