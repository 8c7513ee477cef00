/** F31 and F32: more than can be carried, and everybody again at once. */
import { type PlainAnswer, type PlainClient, plainClient } from "@tandem/libs/testing";
import { atMost, type LiveFault, type Scene } from "../fault.ts";
import type { FaultHouse } from "../fault-house.ts";
import { pause, timeUntil } from "../waiting.ts";
import { costOf, isServed } from "./network.ts";

interface Tally {
  served: number;
  refused: number;
  /** Neither served nor refused with a time to come back. */
  strange: string[];
  readonly refusalMs: number[];
}

async function one(
  { house, client, tally }: { house: FaultHouse; client: PlainClient; tally: Tally },
  nonce: string,
): Promise<void> {
  const answer = await client.call("POST", "/chat/completions", {
    ...{ model: "mock-1", max_tokens: 1 },
    messages: [{ role: "user", content: `overload ${nonce}` }],
  });
  house.beside.nanos += costOf(answer.text);
  if (answer.status === 200) tally.served += 1;
  else if (isClearRefusal(answer)) {
    tally.refused += 1;
    tally.refusalMs.push(answer.tookMs);
  } else tally.strange.push(`${answer.status} ${answer.error ?? answer.text.slice(0, 80)}`);
}

function isClearRefusal({ status, headers }: PlainAnswer): boolean {
  return (status === 429 || status === 503) && headers["retry-after"] !== undefined;
}

const newTally = (): Tally => ({ served: 0, refused: 0, strange: [], refusalMs: [] });

function clientOf({ house }: Scene) {
  const { baseUrl, apiKey } = house.tandem;
  return plainClient({ baseUrl, apiKey, attempts: 1, connections: 2_000 });
}

/** What can be carried: so many at a time, each after the other. */
async function peakOf(scene: Scene, seconds: number): Promise<number> {
  const client = clientOf(scene);
  const tally = newTally();
  const endMs = performance.now() + seconds * 1_000;
  const worker = async (number: number): Promise<void> => {
    for (let at = 0; performance.now() < endMs; at += 1) {
      await one({ house: scene.house, client, tally }, `peak ${number}.${at}.${endMs}`);
    }
  };
  await Promise.all(Array.from({ length: 32 }, (_, number) => worker(number)));
  client.close();
  return tally.served / seconds;
}

export const overload: LiveFault = {
  id: "F32",
  what: "five times the calls that can be carried",
  seconds: { usual: 10, long: 60 },
  load: { callsPerSecond: 0, streams: 0 },
  async strike(scene) {
    const { house, seconds, tell } = scene;
    const peak = await peakOf(scene, 4);
    const client = clientOf(scene);
    const tally = newTally();
    const calls: Promise<void>[] = [];
    const startMs = performance.now();
    while (performance.now() - startMs < seconds * 1_000) {
      const due = ((performance.now() - startMs) / 1_000) * peak * 5;
      while (calls.length < due) {
        calls.push(one({ house, client, tally }, `over ${startMs}.${calls.length}`));
      }
      await pause(10);
    }
    const servedWithin = tally.served;
    const backMs = await timeUntil(() => isServed(house), 30_000);
    await Promise.all(calls);
    client.close();
    const goodput = servedWithin / seconds;
    const refusalMsP50 = tally.refusalMs.toSorted((a, b) => a - b)[tally.refusalMs.length >> 1];
    tell(`  peak ${peak.toFixed(0)}/s, goodput ${goodput.toFixed(0)}/s of ${calls.length} calls`);
    for (const strange of tally.strange.slice(0, 3)) tell(`  ${strange}`);
    return {
      recoveryMs: backMs,
      figures: {
        ...{ peakPerSecond: peak, goodputPerSecond: goodput, shed: tally.refused },
        ...{ goodputPercent: (goodput / peak) * 100, refusalMsP50: refusalMsP50 ?? 0 },
      },
      wrongs: [
        ...(tally.strange.length > 0 ? [`${tally.strange.length} neither served nor shed`] : []),
        ...(goodput < peak * 0.95 ? [`goodput ${Math.round((goodput / peak) * 100)} %`] : []),
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
  async strike(scene) {
    const peak = await peakOf(scene, 4);
    const client = clientOf(scene);
    const tally = newTally();
    const startMs = performance.now();
    for (let round = 0; round < 5; round += 1) {
      const clients = Array.from({ length: 1_000 }, (_, at) => `storm ${startMs}.${round}.${at}`);
      await Promise.all(clients.map((nonce) => one({ house: scene.house, client, tally }, nonce)));
    }
    const goodput = tally.served / ((performance.now() - startMs) / 1_000);
    client.close();
    return {
      figures: { peakPerSecond: peak, goodputPerSecond: goodput, shed: tally.refused },
      wrongs: [
        ...(tally.strange.length > 0 ? [`${tally.strange.length} neither served nor shed`] : []),
        ...(goodput < peak * 0.95 ? [`goodput ${Math.round((goodput / peak) * 100)} %`] : []),
      ],
    };
  },
};
