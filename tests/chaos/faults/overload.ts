/** F31 and F32: more than can be carried, and everybody again at once. */
import type { Tandem } from "@tandem/libs/testing";
import { z } from "zod";
import { atMost, type LiveFault, type Scene } from "../fault.ts";
import type { FaultHouse } from "../fault-house.ts";
import { type FloodReport, flood, type Pace, quantileOfAll, sumOf } from "../flood.ts";
import { timeUntil, until } from "../waiting.ts";
import { closeLinks } from "./links.ts";
import { isServed } from "./network.ts";

/** By priority: who is turned away first, everybody, and who is turned away last. */
const mix = [
  { priority: "sheddable", share: 0.4 },
  { priority: "default", share: 0.5 },
  { priority: "critical", share: 0.1 },
] as const;

const madeKey = z.object({ secret: z.string() });

async function keyOf(tandem: Tandem, priority: string): Promise<string> {
  const response = await fetch(`${tandem.adminUrl}/keys`, {
    method: "POST",
    headers: { authorization: `Bearer ${tandem.adminKey}`, "content-type": "application/json" },
    body: JSON.stringify({ name: `of a flood, ${priority}`, owner: "nobody", priority }),
  });
  return madeKey.parse(await response.json()).secret;
}

const failover = z.object({
  groups: z.array(z.object({ replicas: z.array(z.object({ standby_share: z.number() })) })),
});
/** A return takes half a minute of health and half a minute of growing shares. */
const returnPatienceMs = 120_000;

/** What can be carried is that of the product as it stands, not of what faults before have left. */
async function asItStands(house: FaultHouse): Promise<void> {
  await closeLinks(house);
  await until(async () => {
    const said = failover.safeParse(await house.tandem.readManagement("/failover")).data;
    const shares = said?.groups.flatMap(({ replicas }) => replicas) ?? [];
    return shares.length > 0 && shares.every(({ standby_share: share }) => share === 0);
  }, returnPatienceMs);
}

type Callers = Parameters<typeof flood>[0]["callers"];

function callersOf({ house: { tandem } }: Scene): Promise<Callers> {
  return Promise.all(
    mix.map(async ({ priority, share }) => ({ share, apiKey: await keyOf(tandem, priority) })),
  );
}

/** Floods, and books what the answers cost beside the load. */
async function flooded(
  { house }: Scene,
  given: { readonly callers: Callers; readonly pace: Pace; readonly seconds: number },
): Promise<FloodReport> {
  const report = await flood({ baseUrl: house.tandem.baseUrl, ...given });
  house.beside.nanos += report.costNanos;
  return report;
}

/** Workers that each ask again when they are answered: what is calm, while all gets warm. */
const calmWorkers = 192;
const warmSpells = 3;
const workersMax = 3_072;
const spellSeconds = 4;
/** Twice the workers that carry so much more show that the peak was not reached yet. */
const growth = 1.05;

interface Capacity {
  /** The last spell before the peak was looked for. */
  readonly calm: FloodReport;
  /** Served a second, at most. */
  readonly peak: number;
}

/**
 * What can be carried once everything is warm: twice the workers, until they carry no more. Fewer
 * than that wait for the disk and for each other, and leave the processor idle.
 */
async function capacityOf(scene: Scene, callers: Callers): Promise<Capacity> {
  const spell = async (count: number): Promise<FloodReport> => {
    const pace: Pace = { kind: "workers", count };
    const report = await flooded(scene, { callers, pace, seconds: spellSeconds });
    scene.tell(`  ${report.goodput.toFixed(0)}/s carried of ${count} workers`);
    return report;
  };
  let calm = await spell(calmWorkers);
  for (let at = 1; at < warmSpells; at += 1) calm = await spell(calmWorkers);
  let peak = calm.goodput;
  for (let count = calmWorkers * 2; count <= workersMax; count *= 2) {
    const { goodput } = await spell(count);
    const isMore = goodput > peak * growth;
    peak = Math.max(peak, goodput);
    if (!isMore) break;
  }
  return { calm, peak };
}

function strangeIn({ strange }: FloodReport, tell: Scene["tell"]): string[] {
  for (const one of strange.slice(0, 3)) tell(`  ${one}`);
  return strange.length > 0 ? [`${strange.length} neither served nor shed`] : [];
}

const percent = (part: number, whole: number): number => (whole === 0 ? 100 : (part / whole) * 100);

export const overload: LiveFault = {
  id: "F32",
  what: "five times the calls that can be carried, a tenth of them critical",
  seconds: { usual: 10, long: 60 },
  load: { callsPerSecond: 0, streams: 0 },
  prepare: asItStands,
  async strike(scene) {
    const { house, seconds, tell } = scene;
    const callers = await callersOf(scene);
    const { calm, peak } = await capacityOf(scene, callers);
    const pace: Pace = { kind: "open", perSecond: peak * 5 };
    const over = await flooded(scene, { callers, pace, seconds });
    const backMs = await timeUntil(() => isServed(house), 30_000);
    const servedPercent = over.callers.map(({ served, asked }) => percent(served, asked));
    const [sheddableOk = 0, defaultOk = 0, criticalOk = 0] = servedPercent;
    const goodputPercent = percent(over.goodput, peak);
    const times = (report: FloodReport, what: "servedMs" | "refusedMs") =>
      report.callers.map((caller) => caller[what]);
    const normalMsP99 = quantileOfAll(times(calm, "servedMs"), 0.99);
    const admittedMsP99 = quantileOfAll(times(over, "servedMs"), 0.99);
    tell(`  peak ${peak.toFixed(0)}/s, goodput ${over.goodput.toFixed(0)}/s`);
    tell(`  served by priority: ${servedPercent.map((share) => share.toFixed(1)).join(", ")} %`);
    return {
      recoveryMs: backMs,
      figures: {
        ...{ peakPerSecond: peak, goodputPerSecond: over.goodput, goodputPercent },
        ...{ shed: sumOf(over, "refused"), sheddableOk, defaultOk, criticalOk },
        criticalFailedPercent: 100 - criticalOk,
        refusalMsP50: quantileOfAll(times(over, "refusedMs"), 0.5),
        ...{ normalMsP99, admittedMsP99, admittedPerNormal: admittedMsP99 / normalMsP99 },
      },
      wrongs: [
        ...strangeIn(over, tell),
        // Whoever carries more beside five times the load had a higher peak than was found.
        ...(goodputPercent > 120 ? [`no peak: goodput ${Math.round(goodputPercent)} % of it`] : []),
        ...(goodputPercent < 95 ? [`goodput ${Math.round(goodputPercent)} %`] : []),
        ...(criticalOk < 99.9 ? [`critical ${criticalOk.toFixed(1)} % ok`] : []),
        ...atMost("normal again", backMs, 2_000),
      ],
    };
  },
};

export const retryStorm: LiveFault = {
  id: "F31",
  what: "a thousand clients try again at once, without jitter, five times",
  seconds: { usual: 5, long: 5 },
  load: { callsPerSecond: 0, streams: 0 },
  prepare: asItStands,
  async strike(scene) {
    const { tandem } = scene.house;
    const callers = [{ apiKey: tandem.apiKey, share: 1 }];
    const { peak } = await capacityOf(scene, callers);
    const pace: Pace = { kind: "bursts", size: 1_000, rounds: 5 };
    const storm = await flooded(scene, { callers, pace, seconds: 0 });
    const goodputPercent = percent(storm.goodput, peak);
    return {
      figures: {
        ...{ peakPerSecond: peak, goodputPerSecond: storm.goodput, goodputPercent },
        shed: sumOf(storm, "refused"),
      },
      wrongs: [
        ...strangeIn(storm, scene.tell),
        ...(goodputPercent < 95 ? [`goodput ${Math.round(goodputPercent)} %`] : []),
      ],
    };
  },
};
