/**
 * `npm run bench`: what a call through Tandem costs, beside nginx, HAProxy and Portkey in the same
 * run, against its budgets. `--quick` takes under five minutes, `--only NAME,…` takes these
 * scenarios, `--peers` leaves Tandem out. Writes RESULTS.md and results.json beside this file,
 * unless `--only` or `--peers` made the run a partial one. bench/README.md tells the method.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { realWorld } from "@tandem/libs/world";
import { judge } from "./budgets.ts";
import { type Absent, type Contender, loadCore, type Place } from "./contenders/contender.ts";
import { direct } from "./contenders/direct.ts";
import { startHaproxy } from "./contenders/haproxy.ts";
import { startNginx } from "./contenders/nginx.ts";
import { startPortkey } from "./contenders/portkey.ts";
import { startTandemPaths } from "./contenders/tandem.ts";
import { measureHouse } from "./house.ts";
import { type LoadGenerator, startLoadGenerator } from "./load-generator.ts";
import { commitName, machineFacts } from "./machine.ts";
import { startPinned } from "./pinned-process.ts";
import { type RunFacts, reportPage } from "./report.ts";
import type { Sample, Samples, ScenarioName } from "./samples.ts";
import { measure, type Pace, type Scenario, scenarios } from "./scenarios.ts";

const { values: flags } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    peers: { type: "boolean", default: false },
    only: { type: "string" },
    rounds: { type: "string" },
  },
});

const quickPace: Pace = { warmupMs: 500, windowMs: 1_500, idleStreams: 1_000 };
const fullPace: Pace = { warmupMs: 1_000, windowMs: 4_000, idleStreams: 2_000 };
const pace = flags.quick ? quickPace : fullPace;
const isPartial = flags.only !== undefined || flags.peers;
const rounds = Number(flags.rounds ?? (flags.quick ? 2 : 5));
const wanted = flags.only?.split(",");
const chosen = scenarios.filter(({ name }) => wanted === undefined || wanted.includes(name));

const folder = mkdtempSync(join(tmpdir(), "tandem-bench-"));
const cacheFolder = fileURLToPath(new URL("../node_modules/.cache/bench", import.meta.url));
const machine = machineFacts();
/** Read at the start: a run is long enough for another commit to be made. */
const commit = commitName();
const closers: (() => Promise<void>)[] = [];
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));
process.setMaxListeners(50);
try {
  await run();
} finally {
  for (const close of closers.reverse()) await close();
  rmSync(folder, { recursive: true, force: true });
}

async function run(): Promise<void> {
  // First, while nothing else runs.
  const house = isPartial ? undefined : await measureHouse(folder);
  const upstreamPort = await startUpstream();
  const { contenders, absent } = await startContenders(upstreamPort);
  const generator = startLoadGenerator();
  closers.push(generator.stop);
  const samples: MutableSamples = {};
  const measureOne = async (scenario: Scenario, contender: Contender): Promise<void> => {
    const sample = await measure(generator, scenario, { contender, pace });
    keep(samples, sample, [scenario.name, contender.name]);
    tell(`${scenario.name.padEnd(14)}${line(contender.name, sample)}`);
  };
  const presentIn = (scenario: Scenario): Contender[] =>
    contenders.filter(({ name }) => scenario.contenders.includes(name));
  // Once and first: a process that has grown under load keeps the memory, and hides what streams
  // take of it.
  for (const scenario of chosen.filter(isAboutMemory)) {
    for (const contender of presentIn(scenario)) {
      await measure(generator, scenario, { contender, pace: { ...pace, idleStreams: 50 } });
      await measureOne(scenario, contender);
    }
  }
  await warmUp(generator, contenders);
  for (let round = 0; round < rounds; round += 1) {
    // Every other round the other way round, so that no one always follows the same neighbour.
    const turned = <T>(list: readonly T[]): readonly T[] =>
      round % 2 === 0 ? list : list.toReversed();
    for (const scenario of turned(chosen.filter((one) => !isAboutMemory(one)))) {
      for (const contender of turned(presentIn(scenario))) await measureOne(scenario, contender);
    }
  }
  publish(samples, {
    date: new Date(realWorld().clock.nowMs()).toISOString().slice(0, 10),
    commit,
    machine,
    rounds,
    windowMs: pace.windowMs,
    isQuick: flags.quick,
    versions: Object.fromEntries(
      contenders
        .filter(({ version }) => /^\d/.test(version))
        .map(({ name, version }) => [name, version]),
    ),
    absent,
    house,
  });
}

function isAboutMemory({ name }: Scenario): boolean {
  return name === "idle-stream";
}

type MutableSamples = { [Name in keyof Samples]: Record<string, Sample[]> };

function keep(
  samples: MutableSamples,
  sample: Sample,
  [scenario, contender]: readonly [ScenarioName, string],
): void {
  const own = samples[scenario] ?? {};
  own[contender] = [...(own[contender] ?? []), sample];
  samples[scenario] = own;
}

function startUpstream(): Promise<number> {
  return new Promise((resolve, reject) => {
    const file = fileURLToPath(new URL("upstream-main.ts", import.meta.url));
    const upstream = startPinned(loadCore, [process.execPath, file], {
      onOutput: (text) => resolve(Number(text)),
    });
    upstream.child.once("close", () => reject(new Error("the upstream ended early")));
    closers.push(upstream.stop);
  });
}

async function startContenders(
  upstreamPort: number,
): Promise<{ contenders: Contender[]; absent: Absent[] }> {
  const placeOf = (name: string): Place => {
    const own = join(folder, name);
    mkdirSync(own);
    return { upstreamPort, folder: own, cacheFolder };
  };
  const started = [
    direct(placeOf("direct")),
    await startNginx(placeOf("nginx")),
    await startHaproxy(placeOf("haproxy")),
    await startPortkey(placeOf("portkey")),
    ...(flags.peers ? [] : await startTandemPaths(placeOf("tandem"))),
  ];
  const contenders = started.filter((one) => "pids" in one);
  const absent = started.filter((one) => "reason" in one);
  for (const { name, reason } of absent) tell(`left out: ${name} (${reason})`);
  closers.push(...contenders.map(({ stop }) => stop));
  return { contenders, absent };
}

/** A cold process is many times slower for its first ten thousand calls; nobody is measured cold. */
async function warmUp(generator: LoadGenerator, contenders: readonly Contender[]): Promise<void> {
  const warming: Pace = { warmupMs: 0, windowMs: flags.quick ? 1_000 : 2_000, idleStreams: 0 };
  const enoughUnits = flags.quick ? 15_000 : 40_000;
  const patienceMs = flags.quick ? 5_000 : 20_000;
  for (const contender of contenders) {
    for (const scenario of chosen) {
      if (!isWarming(scenario, contender)) continue;
      const deadlineMs = performance.now() + patienceMs;
      for (let units = 0; units < enoughUnits && performance.now() < deadlineMs; ) {
        const sample = await measure(generator, scenario, { contender, pace: warming });
        if (sample.problems.length > 0) tell(`${contender.name}: ${sample.problems.join(", ")}`);
        units += sample.units;
      }
    }
  }
}

/** Idle streams and a fixed rate warm nobody. */
function isWarming(scenario: Scenario, contender: Contender): boolean {
  const takesPart = scenario.contenders.includes(contender.name);
  return takesPart && !isAboutMemory(scenario) && scenario.name !== "latency";
}

function publish(samples: Samples, facts: RunFacts): void {
  const page = reportPage(samples, facts);
  if (!isPartial) {
    writeFileSync(new URL("RESULTS.md", import.meta.url), page);
    const results = { facts, judgements: judge(samples), samples };
    writeFileSync(
      new URL("results.json", import.meta.url),
      `${JSON.stringify(results, undefined, 2)}\n`,
    );
  }
  tell(`\n${page}`);
}

function line(name: string, sample: Sample): string {
  const { cpuUsPerUnit, unitsPerSecond, coreShare, failed, latencyMsP50, kibPerUnit } = sample;
  const cells = [
    `${cpuUsPerUnit.toFixed(1)} µs`,
    `${unitsPerSecond.toFixed(0)}/s`,
    `${(coreShare * 100).toFixed(0)} % of its core`,
    `p50 ${latencyMsP50.toFixed(2)} ms`,
    `${kibPerUnit.toFixed(1)} KiB`,
    ...(failed > 0 ? [`${failed} failed: ${sample.problems.join(", ")}`] : []),
  ];
  return `${name.padEnd(26)}${cells.join("  ")}`;
}

function tell(text: string): void {
  console.log(text);
}
