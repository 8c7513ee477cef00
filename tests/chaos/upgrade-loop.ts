import { type LoadReport, startLoad } from "@tandem/libs/testing";
import { type ChaosHouse, type LoadShape, openChaosHouse } from "./kill-loop.ts";

export interface UpgradeReport {
  readonly upgrades: number;
  /** From the order until everybody that serves is new, the slowest. */
  readonly upgradeMsMax: number;
  readonly load: LoadReport;
}

/**
 * Upgrades the running product again and again while calls and streams of plain clients run: one
 * attempt each, so that whatever is noticed at all counts as a failure.
 */
export async function upgradeLoop(
  { tandem }: Pick<ChaosHouse, "tandem">,
  options: {
    /** Queries of the control door, one for each upgrade in turn. */
    readonly upgrades: readonly string[];
    readonly load: LoadShape;
    readonly tell?: (line: string) => void;
  },
): Promise<UpgradeReport> {
  const { tell = () => undefined } = options;
  const load = startLoad({
    ...options.load,
    ...{ baseUrl: tandem.baseUrl, apiKey: tandem.apiKey, model: "mock-1", attempts: 1 },
    onFailure: ({ kind, what, status, detail }) =>
      tell(`  ${kind} ${what}: status ${status} ${JSON.stringify(detail.slice(-200))}`),
  });
  const times: number[] = [];
  try {
    for (const query of options.upgrades) {
      const startMs = performance.now();
      await tandem.control(`upgrade?${query}`);
      times.push(performance.now() - startMs);
      tell(`  upgrade ${times.length} in ${Math.round(times.at(-1) ?? 0)} ms`);
    }
  } catch (error) {
    await load.stop();
    throw error;
  }
  return {
    upgrades: times.length,
    upgradeMsMax: Math.max(...times),
    load: await load.stop(),
  };
}

/** Goal: nothing failed, nothing truncated, each upgrade within 20 s. Prints, and says if it was so. */
export async function upgradeAgainAndAgain(count: number, topology: string): Promise<boolean> {
  const house = await openChaosHouse(topology);
  const withCanary = "steps=10,50&step_seconds=1&step_seconds_max=3&requests=10";
  const report = await upgradeLoop(house, {
    upgrades: Array.from({ length: count }, (_, at) => (at % 10 === 9 ? withCanary : "steps=none")),
    load: { callsPerSecond: 40, streams: 80, streamTokens: 50 },
    tell: (line) => console.log(line),
  }).finally(() => house.close());
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
  return failures.length === 0;
}
