/**
 * `npm run chaos`: breaks the running product in every way of the catalogue while calls and streams
 * run, and prints what callers noticed, then the goals beside what was reached. The exit code is 1
 * when a row fails.
 *
 * `--short` (what CI runs), `--long`, `--only F09,F12`, `--live` (no test files), `--seed 1`,
 * `--topology tandem`, `--seconds 600` (in place of a fault's own), `--verbose`. `--upgrades 100` upgrades so often in a row instead, every
 * tenth time with a canary. The same seed draws the same victims among the same candidates.
 */
import { cpus, loadavg } from "node:os";
import { parseArgs } from "node:util";
import { catalogue, type Entry } from "./catalogue.ts";
import type { Row } from "./fault.ts";
import { type FaultHouse, openFaultHouse } from "./fault-house.ts";
import { goalsOf } from "./goals.ts";
import { ProofRunner } from "./proofs.ts";
import { faultTable, goalTable } from "./report.ts";
import { type Form, runFault } from "./run-fault.ts";
import { simulationRow } from "./simulation-row.ts";
import { upgradeAgainAndAgain } from "./upgrade-loop.ts";

const { values: flags } = parseArgs({
  options: {
    only: { type: "string" },
    short: { type: "boolean", default: false },
    long: { type: "boolean", default: false },
    live: { type: "boolean", default: false },
    seed: { type: "string", default: "1" },
    topology: { type: "string", default: "tandem" },
    verbose: { type: "boolean", default: false },
    seconds: { type: "string" },
    upgrades: { type: "string", default: "0" },
  },
});

if (Number(flags.upgrades) > 0) {
  const isGood = await upgradeAgainAndAgain(Number(flags.upgrades), flags.topology);
  process.exit(isGood ? 0 : 1);
}

const form: Form = flags.long ? "long" : flags.short ? "short" : "usual";
const seconds = flags.seconds === undefined ? undefined : Number(flags.seconds);
const only = flags.only?.split(",");
const entries = catalogue.filter(({ id }) => only === undefined || only.includes(id));
const unknown = only?.filter((id) => !catalogue.some((entry) => entry.id === id)) ?? [];
if (unknown.length > 0) throw new Error(`not in the catalogue: ${unknown.join(", ")}`);

const startedMs = performance.now();
console.log(`seed ${flags.seed}, form ${form}, topology ${flags.topology}, ${cpus().length} CPUs`);
console.log(`load of the machine before: ${loadText()}`);
const rows = [...(await runLive(entries)), ...(flags.live ? [] : await runProofs(entries))];
const table = merged(entries, rows);
console.log(`\n${faultTable(table)}`);
const simulated = flags.live ? [] : [await simulationRow(console.log)];
console.log(`\n${goalTable(goalsOf([...table, ...simulated]))}`);
const tookSeconds = Math.round((performance.now() - startedMs) / 1_000);
console.log(`\n${tookSeconds} s; load of the machine after: ${loadText()}`);
if (table.some(({ verdict }) => verdict === "FAIL")) process.exitCode = 1;

function loadText(): string {
  return loadavg()
    .map((load) => load.toFixed(1))
    .join(" ");
}

/** One product for all of them; a fault that it does not survive costs a start. */
async function runLive(chosen: readonly Entry[]): Promise<Row[]> {
  const living = chosen.filter(
    ({ live }) => live !== undefined && (seconds ?? live.seconds[form]) !== undefined,
  );
  const done: Row[] = [];
  let house: FaultHouse | undefined;
  for (const { id, what, live } of living) {
    if (live === undefined) continue;
    house ??= await openFaultHouse({ topology: flags.topology });
    console.log(`${id} ${what}`);
    const tell = (line: string): void => {
      if (flags.verbose) console.log(line);
    };
    const row = await runFault(house, live, {
      ...{ form, seed: Number(flags.seed), seconds, tell },
    });
    console.log(`   ${row.verdict} ${row.verdict === "pass" ? "" : row.reasons.join("; ")}`);
    done.push(row);
    if (row.verdict === "FAIL") {
      await close(house);
      house = undefined;
    }
  }
  if (house !== undefined) await close(house);
  return done;
}

async function close(house: FaultHouse): Promise<void> {
  for (const { pid, command } of await house.close()) {
    console.log(`left behind: ${pid} ${command}`);
    process.exitCode = 1;
  }
}

async function runProofs(chosen: readonly Entry[]): Promise<Row[]> {
  if (form === "short") return [];
  const runner = new ProofRunner();
  const done: Row[] = [];
  for (const entry of chosen) {
    if (entry.proofs === undefined) continue;
    console.log(`${entry.id} ${entry.what}: ${entry.proofs.map(({ file }) => file).join(", ")}`);
    done.push(await runner.rowOf(entry, entry.proofs));
  }
  return done;
}

/** A row for every entry: what struck and what its tests say, or why neither was run. */
function merged(chosen: readonly Entry[], found: readonly Row[]): Row[] {
  return chosen.map((entry): Row => {
    const own = found.filter(({ id }) => id === entry.id);
    const [first] = own;
    if (first === undefined) {
      const tests = entry.proofs?.map(({ file }) => file).join(", ");
      const why = tests ?? "not in this form";
      return {
        ...{ id: entry.id, what: entry.what, load: "", figures: {} },
        ...{ failed: undefined, truncated: undefined, recoveryMs: undefined },
        ...{ verdict: "not run", reasons: [why] },
      };
    }
    const wrong = own.find(({ verdict }) => verdict === "FAIL");
    return {
      ...first,
      load: own.map(({ load }) => load).join(", "),
      verdict: wrong?.verdict ?? first.verdict,
      reasons: wrong?.reasons ?? first.reasons,
    };
  });
}
