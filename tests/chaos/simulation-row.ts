/** How fast simulated time passes: a campaign over a few seeds, as a row for the goals (G19). */
import { runCampaign, speedGoal } from "../simulation/campaign.ts";
import type { Row } from "./fault.ts";

const seeds = 100;
const seedsOfRun = 2_000;

export async function simulationRow(tell: (line: string) => void): Promise<Row> {
  const { runs, failures, speed, processorMs } = await runCampaign({ from: 1, seeds, say: tell });
  const simulationSeconds = ((processorMs / runs) * seedsOfRun) / 1_000;
  return {
    ...{ id: "simulation", what: `${runs} seeds of whole worlds`, load: "" },
    ...{ failed: failures.length, truncated: undefined, recoveryMs: undefined },
    figures: { simulationSpeed: speed, tooSlow: speedGoal / speed, simulationSeconds },
    verdict: failures.length === 0 ? "pass" : "FAIL",
    reasons: failures.map(({ scenario, seed }) => `${scenario} seed ${seed}`),
  };
}
