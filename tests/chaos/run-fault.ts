/** Runs one fault against the living product: load, strike, way back, standing checks, verdict. */
import { formatNanos } from "@tandem/libs/kernel";
import { type LoadReport, seededRandom, startLoad } from "@tandem/libs/testing";
import { type LiveFault, nothingNoticed, type Row, type Strike } from "./fault.ts";
import type { FaultHouse } from "./fault-house.ts";
import type { LoadShape } from "./kill-loop.ts";
import { checkStanding, type Standing, takeBaseline } from "./standing-checks.ts";
import { until } from "./waiting.ts";

export type Form = "short" | "usual" | "long";

export interface RunOptions {
  readonly form: Form;
  readonly seed: number;
  /** In place of the fault's own seconds in this form. */
  readonly seconds?: number | undefined;
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
  await fault.prepare?.(house);
  const baseline = await takeBaseline(house);
  const besideNanos = house.beside.nanos;
  const { load, strike } = await strikeUnderLoad(house, fault, { ...options, shape });
  const costNanos = load.costNanos + house.beside.nanos - besideNanos;
  const standing = await checkStanding(house, baseline, costNanos);
  return { ...base, ...judge(fault, { load, strike, standing, costNanos }) };
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
    onSlow: ({ atMs, tookMs, requestId }) => {
      options.tell(`  ${Math.round(atMs)} ms: took ${Math.round(tookMs)} ms: ${requestId}`);
    },
    onFailure: ({ kind, what, status, atMs, detail }) => {
      const words = JSON.stringify(detail.slice(-300));
      options.tell(`  ${Math.round(atMs)} ms: ${kind} ${what}: status ${status} ${words}`);
    },
  });
  const warmCount = options.shape.callsPerSecond + options.shape.streams > 0 ? 10 : 0;
  await until(() => load.finished >= warmCount, 10_000);
  const seconds = options.seconds ?? fault.seconds[options.form] ?? fault.seconds.long;
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
    /** What all answers say that they cost. */
    readonly costNanos: bigint;
  },
): Pick<Row, "failed" | "truncated" | "recoveryMs" | "figures" | "verdict" | "reasons"> {
  const { load, strike, standing } = seen;
  const drift = driftOf(seen);
  const figures: Record<string, number> = {
    ...{ calls: load.calls, streams: load.streams, resumed: load.resumed },
    ...{ callMsP50: load.callMsP50, callMsP99: load.callMsP99, callMsP999: load.callMsP999 },
    ...{ slow: load.slow, refused: load.refused, settlements: standing.settlements },
    ...{ retried: load.retried, seamMsP99: load.seamMsP99, driftNanos: Number(drift) },
    ...(load.calls > 0 && { unaryOk: shareOk(load, "call"), streamsOk: shareOk(load, "stream") }),
    marked: [...load.marks.values()].reduce((sum, count) => sum + count, 0),
    ...strike.figures,
  };
  const count = (what: string): number =>
    load.failures.filter((failure) => failure.what === what).length;
  const judged = (fault.judge ?? nothingNoticed)({ load, figures });
  const reasons = [...(strike.wrongs ?? []), ...judged, ...standing.wrongs, ...chargesOf(drift)];
  return {
    failed: count("failed") + count("wrong") + count("unmarked"),
    truncated: count("truncated"),
    recoveryMs: Math.max(strike.recoveryMs ?? 0, standing.readyMs),
    figures,
    verdict: reasons.length === 0 ? "pass" : "FAIL",
    reasons,
  };
}

/** In per cent. */
function shareOk(load: LoadReport, kind: "call" | "stream"): number {
  const all = kind === "call" ? load.calls : load.streams;
  const failed = load.failures.filter((failure) => failure.kind === kind).length;
  return all === 0 ? 100 : ((all - failed) / all) * 100;
}

/**
 * What was charged beyond the answers: 0 where each was charged what it says. What is over may
 * belong to answers that nobody got, where some were lost.
 */
function driftOf(seen: {
  readonly load: LoadReport;
  readonly standing: Standing;
  readonly costNanos: bigint;
}): bigint {
  const { load, standing, costNanos } = seen;
  const nanos = standing.spentNanos - costNanos;
  const mayBeOver = load.failures.length > 0 || load.retried > 0;
  return nanos > 0n && mayBeOver ? 0n : nanos;
}

function chargesOf(driftNanos: bigint): string[] {
  if (driftNanos === 0n) return [];
  const amount = formatNanos(driftNanos < 0n ? -driftNanos : driftNanos);
  return driftNanos < 0n
    ? [`answers worth ${amount} were not charged`]
    : [`${amount} was charged beyond answers`];
}
