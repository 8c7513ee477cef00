/** F44, F49 and F51: answers, questions and settings that are not what they should be. */
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  type EngineFault,
  httpRequest,
  plainClient,
  type TandemProcess,
  textOfWhole,
} from "@tandem/libs/testing";
import { costOf } from "../answer-cost.ts";
import { atMost, type LiveFault, type Scene } from "../fault.ts";
import type { FaultHouse } from "../fault-house.ts";
import { pause, timeUntil } from "../waiting.ts";

/** What has status 200 and is no answer. */
const nonsense: readonly EngineFault[] = [
  { kind: "malformed" },
  { kind: "error-body" },
  { kind: "html", status: 200 },
  { kind: "truncate", atByte: 40 },
  { kind: "truncate", atByte: 0 },
];

export const wrongButWell: LiveFault = {
  id: "F44",
  what: "one model server answers 200 with nonsense: no JSON, errors, a page, half of it, nothing",
  seconds: { usual: 10, long: 60 },
  async strike({ house, seconds, tell }) {
    const [victim] = house.primaries;
    let asked = 0;
    for (const fault of nonsense) {
      const before = victim?.engine.calls.length ?? 0;
      victim?.engine.always(fault);
      await pause((seconds * 1_000) / nonsense.length);
      victim?.engine.always(undefined);
      const count = (victim?.engine.calls.length ?? 0) - before;
      asked += count;
      tell(`  ${JSON.stringify(fault)}: asked ${count} times`);
      // Until it is believed again, so that the next kind is met as well.
      await pause(1_000);
    }
    return {
      figures: { asked },
      wrongs: asked === 0 ? ["it was never asked"] : [],
    };
  },
};

/** So many ask the same at once; calls that the engines got for it. */
async function stampede(
  { house, tell }: Scene,
  given: { readonly size: number; readonly meanwhile: () => Promise<unknown> },
): Promise<{ readonly upstreamCalls: number; readonly wrongs: readonly string[] }> {
  const { baseUrl, apiKey } = house.tandem;
  const client = plainClient({ baseUrl, apiKey, attempts: 1, connections: given.size });
  const content = `the same ${performance.now()} tokens=8`;
  const engines = house.primaries.map(({ engine }) => engine);
  for (const engine of engines) engine.pace({ firstTokenDelayMs: 1_500 });
  const asking = Array.from({ length: given.size }, () =>
    client.call("POST", "/chat/completions", {
      ...{ model: "mock-1", max_tokens: 8, temperature: 0 },
      messages: [{ role: "user", content }],
    }),
  );
  await given.meanwhile();
  const answers = await Promise.all(asking);
  for (const engine of engines) engine.pace({ firstTokenDelayMs: 0 });
  client.close();
  for (const { text } of answers) house.beside.nanos += costOf(text);
  const served = answers.filter(({ status }) => status === 200);
  const texts = new Set(served.map(({ text }) => textOfWhole(text)));
  const upstreamCalls = engines
    .flatMap(({ calls }) => calls)
    .filter(({ bodyText }) => bodyText.includes(content)).length;
  tell(`  ${served.length} of ${given.size} served by ${upstreamCalls} calls`);
  for (const { status, error, text } of answers
    .filter(({ status }) => status !== 200)
    .slice(0, 3)) {
    tell(`  ${status} ${error ?? text.slice(0, 200)}`);
  }
  const lost = given.size - served.length;
  return {
    upstreamCalls,
    wrongs: [
      ...(lost > 0 ? [`${lost} were not answered`] : []),
      ...(texts.size > 1 ? [`${texts.size} different answers`] : []),
    ],
  };
}

export const sameQuestion: LiveFault = {
  id: "F49",
  what: "a thousand ask the same at once; then again, and a gateway that leads is killed",
  seconds: { usual: 5, long: 5 },
  load: { callsPerSecond: 0, streams: 0 },
  async strike(scene) {
    const size = 1_000;
    const calm = await stampede(scene, { size, meanwhile: () => Promise.resolve() });
    const killed = await stampede(scene, {
      size,
      meanwhile: async () => {
        await pause(700);
        await startedAnew(scene.house, "ai-gateway-1");
      },
    });
    return {
      figures: { upstreamCalls: calm.upstreamCalls, withKill: killed.upstreamCalls },
      wrongs: [
        ...calm.wrongs,
        ...killed.wrongs,
        ...atMost("upstream calls", calm.upstreamCalls, 1),
        ...atMost("upstream calls with the kill", killed.upstreamCalls, 2),
      ],
    };
  },
};

/** Overwrites whatever gateways keep of the catalogue for a start without their sources. */
function spoilSnapshots({ tandem }: FaultHouse): number {
  const files = readdirSync(tandem.dataDirectory, { recursive: true, encoding: "utf8" });
  const snapshots = files.filter((file) => file.endsWith(".snapshot"));
  for (const file of snapshots) writeFileSync(join(tandem.dataDirectory, file), "half a snaps");
  return snapshots.length;
}

/** Killed, and there again. */
async function startedAnew({ tandem }: FaultHouse, name: string): Promise<void> {
  const find = (processes: readonly TandemProcess[]) => processes.find((one) => one.name === name);
  const before = find((await tandem.status()).processes)?.pid;
  await tandem.kill(name, "SIGKILL");
  await tandem.until(({ processes }) => {
    const now = find(processes);
    return now?.state === "ready" && now.pid !== before;
  }, 60_000);
}

async function putAlias({ tandem }: FaultHouse, name: string, model: string): Promise<number> {
  const response = await fetch(`${tandem.adminUrl}/model-aliases/${name}`, {
    method: "PUT",
    headers: {
      ...{ authorization: `Bearer ${tandem.adminKey}`, "content-type": "application/json" },
      "if-match": "*",
    },
    body: JSON.stringify({ model }),
  });
  return response.status;
}

/** Milliseconds until this very replica serves the name. */
async function knownAfter(
  { tandem, beside }: FaultHouse,
  { replica, model }: { readonly replica: string; readonly model: string },
): Promise<number> {
  const { runDirectory } = await tandem.status();
  const address = `unix:${join(runDirectory, "sockets", `${replica}.sock`)}`;
  return timeUntil(async () => {
    const { status, text } = await httpRequest(address, {
      ...{ method: "POST", path: "/v1/chat/completions" },
      headers: { authorization: `Bearer ${tandem.apiKey}` },
      body: { model, max_tokens: 1, messages: [{ role: "user", content: `${performance.now()}` }] },
    });
    beside.nanos += costOf(text);
    return status === 200;
  }, 10_000);
}

export const settingsSpoilt: LiveFault = {
  id: "F51",
  what: "snapshots on disk half written, gateways restarted from them; settings that make no sense",
  seconds: { usual: 5, long: 10 },
  async strike({ house, seconds, tell }) {
    const spoilt = spoilSnapshots(house);
    for (const name of ["ai-gateway-1", "ai-gateway-2"]) await startedAnew(house, name);
    const refusal = await putAlias(house, "auto", "mock-1");
    const delays: number[] = [];
    for (let round = 0; round < seconds; round += 1) {
      const model = `stand-in-${round}`;
      const stored = await putAlias(house, model, "mock-1");
      if (stored >= 300) return { wrongs: [`an alias was answered with ${stored}`] };
      const both = ["ai-1", "ai-2"].map((replica) => knownAfter(house, { replica, model }));
      delays.push(...(await Promise.all(both)));
    }
    const apartMs = Math.max(...delays);
    tell(`  ${spoilt} snapshots; nonsense answered with ${refusal}; known after ${delays.join()}`);
    return {
      figures: { spoilt, refusal, apartMs },
      wrongs: [
        ...(spoilt === 0 ? ["no snapshot was found"] : []),
        ...(refusal >= 400 && refusal < 500 ? [] : [`nonsense was answered with ${refusal}`]),
        ...atMost("replicas apart", apartMs, 1_000),
      ],
    };
  },
};
