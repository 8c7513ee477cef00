/** Runs one fault against the living product: load, strike, way back, standing checks, verdict. */
import { formatNanos } from "@tandem/libs/kernel";
import { type LoadReport, seededRandom, startLoad } from "@tandem/libs/testing";
import { type LiveFault, nothingNoticed, type Row, type Strike } from "./fault.ts";
import type { FaultHouse } from "./fault-house.ts";
import type { LoadShape } from "./kill-loop.ts";
import { type Baseline, checkStanding, type Standing, takeBaseline } from "./standing-checks.ts";
import { until } from "./waiting.ts";

export type Form = "short" | "usual" | "long";

export interface RunOptions {
  readonly form: Form;
  readonly seed: number;
  readonly tell: (line: string) => void;
}

const loads: Readonly<Record<Form, LoadShape>> = {
  short: { callsPerSecond: 15, streams: 12, streamTokens: 40 },
  usual: { callsPerSecond: 30, streams: 30, streamTokens: 50 },
  long: { callsPerSecond: 40, streams: 50, streamTokens: 50 },
};

/** Runs it, and says how it went; what goes wrong in the running itself fails the row. */
export async function runFault(
  house: FaultHouse,
  fault: LiveFault,
  options: RunOptions,
): Promise<Row> {
  const shape = { ...loads[options.form], ...fault.load };
  const base = {
    ...{ id: fault.id, what: fault.what },
    load: `${shape.callsPerSecond}/s + ${shape.streams} streams`,
    ...{ failed: undefined, truncated: undefined, recoveryMs: undefined, figures: {} },
  };
  const hindrance = fault.hindrance?.(house);
  if (hindrance !== undefined) return { ...base, verdict: "not run", reasons: [hindrance] };
  const baseline = await takeBaseline(house);
  const { load, strike } = await strikeUnderLoad(house, fault, { ...options, shape });
  const standing = await checkStanding(house, baseline);
  return { ...base, ...judge(fault, { load, strike, standing, baseline }) };
}

/** A strike that throws is told, and the load is ended all the same. */
async function strikeUnderLoad(
  house: FaultHouse,
  fault: LiveFault,
  options: RunOptions & { readonly shape: LoadShape },
): Promise<{ readonly load: LoadReport; readonly strike: Strike }> {
  const { tandem } = house;
  const load = startLoad({
    ...options.shape,
    ...{ baseUrl: tandem.baseUrl, apiKey: tandem.apiKey, model: "mock-1" },
    ...{ attempts: fault.attempts ?? 1, callTokens: 1 },
    onFailure: ({ kind, what, status, atMs, detail }) => {
      const words = JSON.stringify(detail.slice(-300));
      options.tell(`  ${Math.round(atMs)} ms: ${kind} ${what}: status ${status} ${words}`);
    },
  });
  const warmCount = options.shape.callsPerSecond + options.shape.streams > 0 ? 10 : 0;
  await until(() => load.finished >= warmCount, 10_000);
  const seconds = fault.seconds[options.form] ?? fault.seconds.usual;
  const strike = await fault
    .strike({
      ...{ house, seconds, load, isShort: options.form === "short" },
      random: seededRandom(`${options.seed} ${fault.id}`),
      tell: options.tell,
    })
    .catch((error: unknown): Strike => ({ wrongs: [`the strike: ${String(error)}`] }));
  return { load: await load.stop(), strike };
}

function judge(
  fault: LiveFault,
  seen: {
    readonly load: LoadReport;
    readonly strike: Strike;
    readonly standing: Standing;
    readonly baseline: Baseline;
  },
): Pick<Row, "failed" | "truncated" | "recoveryMs" | "figures" | "verdict" | "reasons"> {
  const { load, strike, standing } = seen;
  const figures: Record<string, number> = {
    ...{ calls: load.calls, streams: load.streams, resumed: load.resumed },
    ...{ callMsP50: load.callMsP50, callMsP99: load.callMsP99, callMsP999: load.callMsP999 },
    ...{ slow: load.slow, refused: load.refused, settlements: standing.settlements },
    ...{ retried: load.retried, seamMsP99: load.seamMsP99, driftNanos: driftOf(load, standing) },
    marked: [...load.marks.values()].reduce((sum, count) => sum + count, 0),
    ...strike.figures,
  };
  const count = (what: string): number =>
    load.failures.filter((failure) => failure.what === what).length;
  const judged = (fault.judge ?? nothingNoticed)({ load, figures });
  const reasons = [
    ...(strike.wrongs ?? []),
    ...judged,
    ...standing.wrongs,
    ...chargesOf(load, standing),
  ];
  return {
    failed: count("failed") + count("wrong") + count("unmarked"),
    truncated: count("truncated"),
    recoveryMs: Math.max(strike.recoveryMs ?? 0, standing.readyMs),
    figures,
    verdict: reasons.length === 0 ? "pass" : "FAIL",
    reasons,
  };
}

/** 0 where every answer was charged what it says; what is left over belongs to broken ones. */
function driftOf(load: LoadReport, { spentNanos }: Standing): number {
  const isExact = load.failures.length === 0 && load.retried === 0;
  return isExact ? Number(spentNanos - load.costNanos) : 0;
}

function chargesOf(load: LoadReport, standing: Standing): string[] {
  const { spentNanos } = standing;
  const missing = load.costNanos - spentNanos;
  if (missing > 0n) return [`answers worth ${formatNanos(missing)} were not charged`];
  if (driftOf(load, standing) > 0) return [`${formatNanos(-missing)} was charged beyond answers`];
  return [];
}
