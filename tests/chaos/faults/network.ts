/** F19 to F25: what networks do between processes that are all well. */
import type { ProxyFaults } from "@tandem/libs/testing";
import { costOf } from "../answer-cost.ts";
import { atMost, type LiveFault, nothingNoticed, type Seen } from "../fault.ts";
import type { FaultHouse } from "../fault-house.ts";
import type { ProxyThread } from "../proxy-thread.ts";
import { pause, timeUntil } from "../waiting.ts";
import { firstLink, openLinks } from "./links.ts";

const silence = { blackhole: true };

/** One gateway's link has this fault for the time; whatever hung in it is reset at the end. */
function onOneLink(
  fault: Pick<LiveFault, "id" | "what" | "seconds"> & Partial<LiveFault>,
  faults: ProxyFaults,
): LiveFault {
  return {
    prepare: openLinks,
    async strike({ house, seconds }) {
      const link = await firstLink(house);
      await link.set(faults);
      await pause(seconds * 1_000);
      await link.set({});
      link.cutAll();
      await pause(500);
      return {};
    },
    ...fault,
  };
}

export const partition = onOneLink(
  {
    id: "F19",
    what: "silent partition between the routers and one gateway replica",
    seconds: { usual: 10, long: 30 },
  },
  { up: silence, down: silence },
);

export const answersLost = onOneLink(
  {
    id: "F20",
    what: "one-way partition: a gateway replica's answers are lost",
    seconds: { usual: 8, long: 30 },
  },
  { down: silence },
);

export const lossy: LiveFault = {
  id: "F22",
  what: "5 % of packets lost between routers, gateways, stores and upstreams, by proxy",
  seconds: { usual: 15, long: 60 },
  prepare: openLinks,
  async strike({ house, seconds }) {
    const links = await allLinks(house);
    const faults = { up: { loss: 0.05 }, down: { loss: 0.05 } };
    for (const link of links) await link.set(faults);
    await pause(seconds * 1_000);
    for (const link of links) await link.set({});
    return {};
  },
  judge: (seen) => [...nothingNoticed(seen), ...atMost("p99", seen.load.callMsP99, 500)],
};

export const slowLink = onOneLink(
  {
    id: "F23",
    what: "+500 ms on the link of one gateway replica",
    seconds: { usual: 10, long: 30 },
    judge: (seen: Seen) => [
      ...nothingNoticed(seen),
      ...atMost("share of slow calls in %", (seen.load.slow / seen.load.calls) * 100, 10),
    ],
  },
  { down: { latencyMs: 500 } },
);

export const thinLink = onOneLink(
  {
    id: "F24",
    what: "16 KB/s in slices of 8 bytes on the link of one gateway replica",
    seconds: { usual: 10, long: 30 },
  },
  { down: { bytesPerSecond: 16_384, sliceBytes: 8 } },
);

/** Every link behind the routers: to gateways, stores and upstreams. */
async function allLinks(house: FaultHouse): Promise<ProxyThread[]> {
  return [
    ...(await openLinks(house)).values(),
    house.database.link,
    ...(house.hotStore === undefined ? [] : [house.hotStore.link]),
    ...[...house.primaries, house.standby].map(({ link }) => link),
  ];
}

export const allReset: LiveFault = {
  id: "F21",
  what: "all connections behind the routers reset at once, every 5 s",
  seconds: { usual: 10, long: 30 },
  prepare: openLinks,
  async strike({ house, seconds }) {
    const links = await allLinks(house);
    const rounds = Math.ceil(seconds / 5);
    for (let round = 0; round < rounds; round += 1) {
      for (const link of links) link.cutAll();
      // A stream may break twice and no more: none of these is long enough to meet two of them.
      await pause(5_000);
    }
    return { figures: { rounds } };
  },
};

/** Whether a plain call is answered. */
export async function isServed({ tandem, beside }: FaultHouse): Promise<boolean> {
  const nonce = performance.now();
  try {
    const answer = await fetch(`${tandem.baseUrl}/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${tandem.apiKey}`, "content-type": "application/json" },
      body: JSON.stringify({
        ...{ model: "mock-1", max_tokens: 1 },
        messages: [{ role: "user", content: `is anybody there ${nonce}` }],
      }),
      signal: AbortSignal.timeout(5_000),
    });
    beside.nanos += costOf(await answer.text());
    return answer.status === 200;
  } catch {
    return false;
  }
}

/** Calls may fail while everything is clogged, in words; nothing may be wrong or look whole. */
function nothingDisguised({ load }: Seen): string[] {
  const disguised = load.failures.filter(({ what }) => what === "unmarked" || what === "wrong");
  return disguised.map(({ kind, what }) => `a ${kind} was ${what}`);
}

export const clogged: LiveFault = {
  id: "F25",
  what: "all links clogged one after the other in random order, and unclogged so",
  seconds: { usual: 15, long: 120 },
  attempts: 3,
  prepare: openLinks,
  async strike({ house, seconds, random, tell }) {
    const links = await allLinks(house);
    const shuffled = () => links.toSorted(() => random.fraction() - 0.5);
    const rounds = Math.max(1, Math.round(seconds / 5));
    const returns: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      for (const link of shuffled()) {
        await link.set({ up: silence, down: silence });
        await pause(random.integer(200));
      }
      for (const link of shuffled()) {
        await link.set({});
        link.cutAll();
        await pause(random.integer(200));
      }
      returns.push(await timeUntil(() => isServed(house), 20_000));
      tell(`  served again after ${Math.round(returns.at(-1) ?? 0)} ms`);
    }
    const recoveryMs = Math.max(...returns);
    return { recoveryMs, figures: { rounds }, wrongs: atMost("return", recoveryMs, 2_000) };
  },
  judge: nothingDisguised,
};

export const primariesDead: LiveFault = {
  id: "F26",
  what: "the primary upstreams all dead: their connections reset, new ones refused",
  seconds: { usual: 10, long: 60 },
  async strike({ house, seconds }) {
    for (const { link } of house.primaries) {
      await link.set({ refuse: true });
      link.cutAll();
    }
    const shiftMs = await timeUntil(() => isServed(house), 10_000);
    await pause(seconds * 1_000);
    for (const { link } of house.primaries) await link.set({});
    return { figures: { shiftMs }, wrongs: atMost("shift", shiftMs, 2_000) };
  },
  judge: (seen) => [
    ...nothingNoticed(seen),
    ...((seen.figures["marked"] ?? 0) === 0 ? ["no answer was marked as the standby's"] : []),
  ],
};

export const upstreamsGone: LiveFault = {
  id: "F30",
  what: "all upstreams gone, the standby too, and back",
  seconds: { usual: 20, long: 60 },
  async strike({ house, seconds }) {
    const upstreams = [...house.primaries, house.standby];
    for (const { link } of upstreams) {
      await link.set({ refuse: true });
      link.cutAll();
    }
    await pause(seconds * 1_000);
    for (const { link } of upstreams) await link.set({});
    const recoveryMs = await timeUntil(() => isServed(house), 30_000);
    return { recoveryMs, figures: { firstOkMs: recoveryMs } };
  },
  judge: (seen) => [
    ...nothingDisguised(seen),
    ...seen.load.failures
      .filter(({ what, status }) => what === "failed" && ![0, 502, 503].includes(status))
      .map(({ status }) => `an outage was told as ${status}`)
      .slice(0, 3),
    ...atMost("attempts per request", seen.load.upstreamAttempts, 1.1),
  ],
};
