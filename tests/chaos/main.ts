/**
 * `npm run chaos`: kills routers, gateways and services of the running product under load, one kind
 * after the other, then anybody, and prints what callers noticed. `--seconds 30`, `--seed 1`,
 * `--victims gateways`, `--streams 80`, `--calls 40` (a second), `--topology single`, `--ruthless`
 * (kills the last one too), `--verbose`. `--upgrades 100` upgrades so often in a row instead, every
 * tenth time with a canary. The exit code is 1 when a row fails. A run with the same
 * seed draws the same pauses and the same order among the same candidates.
 */
import { parseArgs } from "node:util";
import { type ChaosRow, chaosTable, shortcomings } from "./chaos-table.ts";
import { killLoop, openChaosHouse, type Victims } from "./kill-loop.ts";
import { upgradeLoop } from "./upgrade-loop.ts";

const { values: flags } = parseArgs({
  options: {
    seconds: { type: "string", default: "30" },
    seed: { type: "string", default: "1" },
    streams: { type: "string", default: "80" },
    calls: { type: "string", default: "40" },
    victims: { type: "string" },
    topology: { type: "string", default: "tandem" },
    ruthless: { type: "boolean", default: false },
    verbose: { type: "boolean", default: false },
    upgrades: { type: "string", default: "0" },
  },
});

const allVictims: readonly Victims[] = ["routers", "gateways", "services", "any"];
const chosen = allVictims.filter((one) => flags.victims === undefined || one === flags.victims);
const shape = {
  callsPerSecond: Number(flags.calls),
  streams: Number(flags.streams),
  streamTokens: 50,
};

if (Number(flags.upgrades) > 0) {
  await upgradeAgainAndAgain(Number(flags.upgrades));
  process.exit();
}
console.log(`seed ${flags.seed}, ${flags.seconds} s a row, topology ${flags.topology}`);
const house = await openChaosHouse(flags.topology);
const rows: ChaosRow[] = [];
try {
  for (const victims of chosen) {
    console.log(`kill -9 ${victims}`);
    const report = await killLoop(house, {
      victims,
      seconds: Number(flags.seconds),
      seed: Number(flags.seed),
      isRuthless: flags.ruthless,
      load: shape,
      ...(flags.verbose && { tell: (line: string) => console.log(line) }),
    });
    rows.push({ victims, shape, report });
  }
} finally {
  const leftovers = await house.close();
  for (const { pid, command } of leftovers) console.log(`left behind: ${pid} ${command}`);
}
console.log(`\n${chaosTable(rows)}`);
if (rows.some((row) => shortcomings(row).length > 0)) process.exitCode = 1;

/** Goal: nothing failed, nothing truncated, each upgrade within 20 s. */
async function upgradeAgainAndAgain(count: number): Promise<void> {
  const upgrading = await openChaosHouse(flags.topology);
  const withCanary = "steps=10,50&step_seconds=1&step_seconds_max=5&requests=10";
  const report = await upgradeLoop(upgrading, {
    upgrades: Array.from({ length: count }, (_, at) => (at % 10 === 9 ? withCanary : "steps=none")),
    load: shape,
    tell: (line) => console.log(line),
  }).finally(() => upgrading.close());
  const { calls, streams, failures, callMsP99 } = report.load;
  const truncated = failures.filter(({ what }) => what !== "failed").length;
  console.log("\n| upgrades | calls | streams | failed | truncated | slowest upgrade | call p99 |");
  console.log("|---|---|---|---|---|---|---|");
  const seconds = (report.upgradeMsMax / 1000).toFixed(1);
  const failed = failures.length - truncated;
  console.log(
    `| ${report.upgrades} | ${calls} | ${streams} | ${failed} | ${truncated} | ${seconds} s ` +
      `| ${Math.round(callMsP99)} ms |`,
  );
  if (failures.length > 0) process.exitCode = 1;
}
