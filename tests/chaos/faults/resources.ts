/** F14 to F18: a replica that runs out of memory, of processor, of descriptors, or of time. */
import { spawnSync } from "node:child_process";
import { accessSync, constants, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { atMost, type LiveFault } from "../fault.ts";
import type { FaultHouse } from "../fault-house.ts";
import { pause, timeUntil, until } from "../waiting.ts";
import { evaluateIn } from "./inspector.ts";
import { isServed } from "./network.ts";

const victim = "ai-gateway-1";

async function pidOf(house: FaultHouse, name: string): Promise<number> {
  const pid = (await house.tandem.status()).processes.find((one) => one.name === name)?.pid;
  if (pid === undefined) throw new Error(`${name} is not running`);
  return pid;
}

/** Quickly up to four fifths of the old generation's limit, then 3 MiB a second, for good. */
const leak = `(() => {
  const { getHeapSpaceStatistics } = process.getBuiltinModule("node:v8");
  const flag = "--max-old-space-size=";
  const given = process.execArgv.find((word) => word.startsWith(flag));
  const limitMib = Number(given.slice(flag.length));
  const usedMib = () => getHeapSpaceStatistics()
    .filter(({ space_name: name }) => !name.startsWith("new_"))
    .reduce((sum, { space_used_size: bytes }) => sum + bytes, 0) / 2 ** 20;
  globalThis.leaked = [];
  let ticks = 0;
  setInterval(() => {
    const count = usedMib() < limitMib * 0.8 ? 8 : ticks++ % 7 === 0 ? 1 : 0;
    for (let at = 0; at < count; at += 1) leaked.push(new Array(131072).fill(at + 0.5));
  }, 50);
})()`;

export const memoryFull: LiveFault = {
  id: "F14",
  what: "memory of a service process leaks up to its heap limit",
  seconds: { usual: 60, long: 120 },
  async strike({ house, seconds, tell }) {
    const { tandem } = house;
    const name = "access-services-1";
    const pid = await pidOf(house, name);
    const linesBefore = tandem.events.length;
    const events = () => tandem.events.slice(linesBefore);
    await evaluateIn(house, name, leak);
    const startMs = performance.now();
    const has = (event: string): boolean =>
      events().some((line) => line.event === event && line["process"] === name);
    await until(() => has("process_full") || has("process_died"), seconds * 1_000);
    const fullMs = performance.now();
    await until(() => has("replaced") || has("process_died"), seconds * 1_000);
    const replacedMs = performance.now();
    tell(`  full after ${Math.round(fullMs - startMs)} ms`);
    tell(`  replaced ${Math.round(replacedMs - fullMs)} ms later`);
    await tandem.until(({ processes }) => processes.every((one) => one.pid !== pid), 60_000);
    tell(`  gone ${Math.round(performance.now() - replacedMs)} ms later`);
    const log = readFileSync(join(tandem.dataDirectory, "logs", `${name}.log`), "utf8");
    return {
      recoveryMs: replacedMs - fullMs,
      figures: { replacedMs: replacedMs - fullMs },
      wrongs: [
        ...(has("replaced") ? [] : [`${name} was not replaced`]),
        ...(has("process_died") ? [`${name} died`] : []),
        ...(log.includes("heap out of memory") ? [`${name} ran out of memory`] : []),
      ],
    };
  },
};

const cpuGroups = "/sys/fs/cgroup/cpu";

export const processorShort: LiveFault = {
  id: "F15",
  what: "processor of one gateway replica cut to a tenth of a CPU",
  seconds: { usual: 10, long: 30 },
  hindrance() {
    try {
      accessSync(join(cpuGroups, "cgroup.procs"), constants.W_OK);
      return undefined;
    } catch {
      return "no control group for processors can be made here";
    }
  },
  async strike({ house, seconds }) {
    const group = join(cpuGroups, `tandem-chaos-${process.pid}`);
    mkdirSync(group);
    const pid = await pidOf(house, victim);
    try {
      writeFileSync(join(group, "cpu.cfs_period_us"), "100000");
      writeFileSync(join(group, "cpu.cfs_quota_us"), "10000");
      writeFileSync(join(group, "cgroup.procs"), String(pid));
      await pause(seconds * 1_000);
    } finally {
      writeFileSync(join(cpuGroups, "cgroup.procs"), String(pid));
      await pause(200);
      rmdirSync(group);
    }
    return {};
  },
};

export const descriptorsShort: LiveFault = {
  id: "F16",
  what: "file descriptors of one gateway replica limited to what it has open",
  seconds: { usual: 10, long: 30 },
  hindrance: () =>
    spawnSync("prlimit", ["--version"]).status === 0 ? undefined : "prlimit is not installed",
  async strike({ house, seconds }) {
    const pid = await pidOf(house, victim);
    const limit = (soft: number): void => {
      spawnSync("prlimit", ["--pid", String(pid), `--nofile=${soft}:`]);
    };
    limit(64);
    await pause(seconds * 1_000);
    limit(65_536);
    const isAlive = (await pidOf(house, victim)) === pid;
    return { wrongs: isAlive ? [] : [`${victim} did not survive it`] };
  },
};

/** Every write to a file fails in this process, or every fsync does, until it is mended. */
const failingFiles = (method: "write" | "datasync", code: string): string => `(async () => {
  const { open } = process.getBuiltinModule("node:fs/promises");
  const file = await open("/dev/null");
  const handles = Object.getPrototypeOf(file);
  await file.close();
  globalThis.trueMethods ??= { write: handles.write, datasync: handles.datasync };
  Object.assign(handles, globalThis.trueMethods);
  const error = Object.assign(new Error("${code}"), { code: "${code}" });
  handles.${method} = () => Promise.reject(error);
})()`;

const mendedFiles = `(async () => {
  const { open } = process.getBuiltinModule("node:fs/promises");
  const file = await open("/dev/null");
  Object.assign(Object.getPrototypeOf(file), globalThis.trueMethods);
  await file.close();
})()`;

export const diskFull: LiveFault = {
  id: "F17",
  what: "the journals' disk is full for both ai gateways, then its fsync fails, then it is well",
  seconds: { usual: 12, long: 60 },
  async strike({ house, seconds }) {
    const gateways = ["ai-gateway-1", "ai-gateway-2"];
    for (const [method, code] of [
      ["write", "ENOSPC"],
      ["datasync", "EIO"],
    ] as const) {
      for (const name of gateways) await evaluateIn(house, name, failingFiles(method, code));
      await pause(seconds * 500);
    }
    for (const name of gateways) await evaluateIn(house, name, mendedFiles);
    const recoveryMs = await timeUntil(() => isServed(house), 10_000);
    return { recoveryMs, wrongs: atMost("served again", recoveryMs, 5_000) };
  },
  // Refused cleanly, or recorded at once by quota; what was charged is in the standing checks.
  judge: ({ load }) =>
    load.failures
      .filter(({ what, status }) => what !== "failed" || status !== 503)
      .map(({ kind, what, status }) => `a ${kind} ${what} with ${status}`)
      .slice(0, 3),
};

/** The hands of one process's clock are moved; durations have another clock. */
export const clockWrong: LiveFault = {
  id: "F18",
  what: "wall clock of one gateway replica an hour ahead, then an hour behind",
  seconds: { usual: 12, long: 60 },
  async strike({ house, seconds }) {
    await evaluateIn(house, victim, "globalThis.trueNow = Date.now");
    for (const hours of [1, -1]) {
      const shift = `Date.now = () => globalThis.trueNow() + ${hours * 3_600_000}`;
      await evaluateIn(house, victim, shift);
      await pause(seconds * 500);
    }
    await evaluateIn(house, victim, "Date.now = globalThis.trueNow");
    return {};
  },
};
