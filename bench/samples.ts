/** Figures of a run, and what can be said of them. Pure. */

export type ScenarioName =
  | "unary-1.5k"
  | "unary-32k"
  | "stream-chunk"
  | "message-chunk"
  | "response-chunk"
  | "websocket-chunk"
  | "http2-chunk"
  | "grpc-chunk"
  | "grpc-web-chunk"
  | "connect-chunk"
  | "cache-hit"
  | "latency"
  | "idle-stream";

/** One window of one contender in one round. */
export interface Sample {
  /** Answers, events or open streams. */
  readonly units: number;
  readonly failed: number;
  readonly problems: readonly string[];
  readonly unitsPerSecond: number;
  /** CPU time of the path per unit. */
  readonly cpuUsPerUnit: number;
  /** Share of one core that the path used; near 1 means that it was the limit. */
  readonly coreShare: number;
  readonly latencyMsP50: number;
  readonly latencyMsP99: number;
  /** Private memory of the path for each open stream. */
  readonly kibPerUnit: number;
}

export type Samples = Partial<
  Record<ScenarioName, Readonly<Record<string, readonly (Sample | undefined)[]>>>
>;

export type Figure = "cpuUsPerUnit" | "latencyMsP50" | "latencyMsP99" | "kibPerUnit";

export function median(numbers: readonly number[]): number | undefined {
  if (numbers.length === 0) return undefined;
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const [low = 0, high = 0] = [sorted[middle - 1], sorted[middle]];
  return sorted.length % 2 === 1 ? high : (low + high) / 2;
}

/** A window whose answers failed says nothing about the cost of an answer. */
export function isSound(sample: Sample | undefined): sample is Sample {
  return sample !== undefined && sample.units > 0 && sample.failed <= sample.units / 1_000;
}

/** The figure's value in each round; undefined in rounds that were not sound. */
function valuesOf(samples: Samples, which: Which): (number | undefined)[] {
  const rounds = samples[which.scenario]?.[which.contender] ?? [];
  return rounds.map((sample) => (isSound(sample) ? sample[which.figure] : undefined));
}

export interface Which {
  readonly scenario: ScenarioName;
  readonly contender: string;
  readonly figure: Figure;
}

export function medianOf(samples: Samples, which: Which): number | undefined {
  return median(valuesOf(samples, which).filter((value) => value !== undefined));
}

interface Against {
  readonly against: string;
  readonly as: "ratio" | "difference";
  /** Where the other one was measured; in the same scenario when absent. */
  readonly inScenario?: ScenarioName;
}

/**
 * Compares two contenders round by round, since what disturbs a machine disturbs neighbours in time
 * alike, and takes the median of the comparisons.
 */
export function comparedOf(samples: Samples, which: Which & Against): number | undefined {
  const own = valuesOf(samples, which);
  const { against: contender, inScenario: scenario = which.scenario } = which;
  const others = valuesOf(samples, { ...which, contender, scenario });
  const pairs = own.flatMap((value, round) => {
    const other = others[round];
    if (value === undefined || other === undefined) return [];
    return [which.as === "ratio" ? value / other : value - other];
  });
  return median(pairs);
}
