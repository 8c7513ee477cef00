/** F31 and F32: more than can be carried, and everybody again at once. */
import { quantile, type Tandem } from "@tandem/libs/testing";
import { z } from "zod";
import { atMost, type LiveFault, type Scene } from "../fault.ts";
import { type FaultHouse, narrowModel } from "../fault-house.ts";
import {
  type FloodOrder,
  type FloodReport,
  flood,
  type Pace,
  quantileOfAll,
  sumOf,
} from "../flood.ts";
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
export async function asItStands(house: FaultHouse): Promise<void> {
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
async function flooded({ house }: Scene, given: Omit<FloodOrder, "baseUrl">): Promise<FloodReport> {
  const report = await flood({ baseUrl: house.tandem.baseUrl, ...given });
  house.beside.nanos += report.costNanos;
  return report;
}

/** Workers that each ask again when they are answered: what is calm. */
const calmWorkers = 192;
/** Fewer wait for the disk and for each other, and leave the processor idle. */
const workerCounts = [192, 384, 768, 1_536, 3_072];
/** Processes that have just started are slow for their first ten thousand calls. */
const warmSeconds = 20;
const warmWorkers = 768;
const spellSeconds = 4;
/** The best of many single looks is mostly luck: it is measured again so often. */
const looksAgain = 2;

interface Capacity {
  readonly calm: FloodReport;
  /** Served a second of as many workers as carry most; the middle one of three spells. */
  readonly peak: number;
}

/** What can be carried once everything is warm, by as many workers as carry most. */
export async function capacityOf(scene: Scene, callers: Callers): Promise<Capacity> {
  const spell = async (count: number, seconds: number): Promise<FloodReport> => {
    const pace: Pace = { kind: "workers", count };
    const report = await flooded(scene, { callers, pace, seconds });
    scene.tell(`  ${report.goodput.toFixed(0)}/s carried of ${count} workers`);
    return report;
  };
  await spell(warmWorkers, warmSeconds);
  const calm = await spell(calmWorkers, spellSeconds);
  let best = { count: calmWorkers, goodput: calm.goodput };
  for (const count of workerCounts.slice(1)) {
    const { goodput } = await spell(count, spellSeconds);
    if (goodput > best.goodput) best = { count, goodput };
  }
  const looks = [best.goodput];
  for (let at = 0; at < looksAgain; at += 1) {
    looks.push((await spell(best.count, spellSeconds)).goodput);
  }
  return {
    calm,
    peak: quantile(
      looks.sort((left, right) => left - right),
      0.5,
    ),
  };
}

function strangeIn({ strange }: FloodReport, tell: Scene["tell"]): string[] {
  for (const one of strange.slice(0, 3)) tell(`  ${one}`);
  return strange.length > 0 ? [`${strange.length} neither served nor shed`] : [];
}

const percent = (part: number, whole: number): number => (whole === 0 ? 100 : (part / whole) * 100);

const times = (report: FloodReport, what: "servedMs" | "refusedMs") =>
  report.callers.map((caller) => caller[what]);

/** What five times the peak came to, beside calm and peak. */
function figuresOf(over: FloodReport, { calm, peak }: Capacity, tell: Scene["tell"]) {
  const servedPercent = over.callers.map(({ served, asked }) => percent(served, asked));
  const [sheddableOk = 0, defaultOk = 0, criticalOk = 0] = servedPercent;
  const normalMsP99 = quantileOfAll(times(calm, "servedMs"), 0.99);
  const admittedMsP99 = quantileOfAll(times(over, "servedMs"), 0.99);
  tell(`  peak ${peak.toFixed(0)}/s, goodput ${over.goodput.toFixed(0)}/s`);
  for (const [at, { priority }] of mix.entries()) {
    const share = servedPercent[at]?.toFixed(1);
    tell(`  ${priority}: ${share} % served; refused: ${JSON.stringify(over.callers[at]?.why)}`);
  }
  return {
    ...{ peakPerSecond: peak, goodputPerSecond: over.goodput },
    goodputPercent: percent(over.goodput, peak),
    ...{ shed: sumOf(over, "refused"), sheddableOk, defaultOk, criticalOk },
    criticalFailedPercent: 100 - criticalOk,
    refusalMsP50: quantileOfAll(times(over, "refusedMs"), 0.5),
    ...{ normalMsP99, admittedMsP99, admittedPerNormal: admittedMsP99 / normalMsP99 },
  };
}

/** Five times the peak for the fault's time, and what whoever is overloaded owes in any case. */
async function overwhelmed(
  scene: Scene,
  capacity: Capacity,
  given: Pick<FloodOrder, "callers" | "model" | "tokens">,
) {
  const { house, seconds, tell } = scene;
  const pace: Pace = { kind: "open", perSecond: capacity.peak * 5 };
  const over = await flooded(scene, { ...given, pace, seconds });
  const recoveryMs = await timeUntil(() => isServed(house), 30_000);
  return {
    recoveryMs,
    figures: figuresOf(over, capacity, tell),
    wrongs: [...strangeIn(over, tell), ...atMost("normal again", recoveryMs, 2_000)],
  };
}

/** More workers than it has places: nothing of it is ever idle. */
const narrowWorkers = 36;
/** An answer takes long beside what it costs to relay it. */
const narrowTokens = 5;
/** Of the peak, what is normal. */
const normalShare = 0.7;

export const overload: LiveFault = {
  id: "F32",
  what: "five times the calls that a model's server can carry, a tenth of them critical",
  seconds: { usual: 20, long: 60 },
  load: { callsPerSecond: 0, streams: 0 },
  prepare: asItStands,
  async strike(scene) {
    const callers = await callersOf(scene);
    const given = { callers, model: narrowModel, tokens: narrowTokens };
    const all: Pace = { kind: "workers", count: narrowWorkers };
    await flooded(scene, { ...given, pace: all, seconds: spellSeconds });
    const { goodput: peak } = await flooded(scene, { ...given, pace: all, seconds: spellSeconds });
    const normal: Pace = { kind: "open", perSecond: peak * normalShare };
    const calm = await flooded(scene, { ...given, pace: normal, seconds: spellSeconds * 2 });
    const { figures, wrongs, ...rest } = await overwhelmed(scene, { calm, peak }, given);
    const { goodputPercent, criticalOk } = figures;
    return {
      ...{ ...rest, figures },
      wrongs: [
        ...wrongs,
        ...(goodputPercent < 95 ? [`goodput ${Math.round(goodputPercent)} %`] : []),
        ...(criticalOk < 99.9 ? [`critical ${criticalOk.toFixed(1)} % ok`] : []),
      ],
    };
  },
};

/**
 * Here those who ask have no processors of their own, and refusing takes some: that goodput keeps
 * to the peak cannot be asked, but that what matters more is served rather, and all is well again.
 */
export const processorOverload: LiveFault = {
  id: "F32b",
  what: "five times the calls that the processors can carry, a tenth of them critical",
  seconds: { usual: 10, long: 60 },
  load: { callsPerSecond: 0, streams: 0 },
  prepare: asItStands,
  async strike(scene) {
    const callers = await callersOf(scene);
    const capacity = await capacityOf(scene, callers);
    const { figures, wrongs, ...rest } = await overwhelmed(scene, capacity, { callers });
    const { sheddableOk, defaultOk, criticalOk } = figures;
    const isByPriority = criticalOk >= defaultOk && defaultOk >= sheddableOk;
    return {
      ...{ ...rest, figures },
      wrongs: [...wrongs, ...(isByPriority ? [] : ["what matters less was served rather"])],
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
