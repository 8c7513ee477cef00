/**
 * What days to come will cost: exponential smoothing with a damped trend (Gardner & McKenzie 1985)
 * over whole days, after the weekdays' own weight is taken out where two weeks or more are known.
 * The interval comes from the errors that the same rule made on the days that were. It is a guess
 * from the past, and says how good it was at that.
 */
const levelWeight = 0.3;
const trendWeight = 0.1;
const damping = 0.9;
/** Days that weekday weights are taken from and errors are judged by. */
const historyMax = 56;
const weekDays = 7;
const seasonalFrom = 14;
/** Weekday weights lean towards 1 as if this many average weeks had been seen besides. */
const shrinkage = 2;
/** Four of five lie within this many standard deviations. */
const deviations = 1.2816;

export interface DayGuess {
  readonly expected: number;
  readonly low: number;
  readonly high: number;
}

export interface Forecast {
  readonly days: readonly DayGuess[];
  /** Of the sum of the first `count` days; `scaleFirst` is the part of the first that is ahead. */
  sumOf(count: number, scaleFirst: number): DayGuess;
  readonly daysSeen: number;
}

/**
 * `history` are whole days, oldest first; days before the first one with use are passed over.
 * `firstWeekday` is that of the first day to be guessed, `(weekday of history[0] + length) % 7`.
 */
export function forecast(
  history: readonly number[],
  { days, firstWeekday }: { readonly days: number; readonly firstWeekday: number },
): Forecast {
  const begun = history.findIndex((cost) => cost > 0);
  const seen = begun < 0 ? [] : history.slice(begun).slice(-historyMax);
  const weights = weekdayWeights(seen, firstWeekday);
  const weightOf = (day: number): number => weights[mod(firstWeekday + day, weekDays)] ?? 1;
  const plain = seen.map((cost, index) => cost / weightOf(index - seen.length));
  const fit = smooth(plain);
  const levels = Array.from({ length: days }, (_, day) => Math.max(0, fit.ahead(day + 1)));
  return {
    daysSeen: seen.length,
    days: levels.map((level, day) =>
      guess(level * weightOf(day), fit.deviation * weightOf(day) * Math.sqrt(spread(day))),
    ),
    sumOf(count, scaleFirst) {
      let expected = 0;
      let variance = 0;
      for (let day = 0; day < count; day += 1) {
        const scale = (day === 0 ? scaleFirst : 1) * weightOf(day);
        expected += (levels[day] ?? 0) * scale;
        // An error of one day moves the level of all that follow it.
        variance += (scale * (1 + (count - 1 - day) * levelWeight)) ** 2;
      }
      return guess(expected, fit.deviation * Math.sqrt(variance));
    },
  };
}

function guess(expected: number, deviation: number): DayGuess {
  const half = deviations * deviation;
  return { expected, low: Math.max(0, expected - half), high: expected + half };
}

/** The variance of a guess so many days ahead, in those of one day. */
function spread(day: number): number {
  return 1 + day * levelWeight ** 2;
}

/** By weekday, 1 on average; all 1 before two weeks are known. */
function weekdayWeights(seen: readonly number[], firstWeekday: number): readonly number[] {
  const ones = Array.from({ length: weekDays }, () => 1);
  if (seen.length < seasonalFrom) return ones;
  const whole = seen.slice(-Math.floor(seen.length / weekDays) * weekDays);
  const mean = whole.reduce((sum, cost) => sum + cost, 0) / whole.length;
  if (mean === 0) return ones;
  const weeks = whole.length / weekDays;
  const sums = ones.map(() => 0);
  for (const [index, cost] of whole.entries()) {
    const weekday = mod(firstWeekday + index - whole.length, weekDays);
    sums[weekday] = (sums[weekday] ?? 0) + cost / mean;
  }
  return sums.map((sum) => (sum + shrinkage) / (weeks + shrinkage));
}

/** Goes through the days, guessing each from those before it. */
function smooth(costs: readonly number[]): {
  readonly deviation: number;
  ahead(steps: number): number;
} {
  let level = costs[0] ?? 0;
  let trend = 0;
  let squares = 0;
  for (const cost of costs.slice(1)) {
    const guessed = level + damping * trend;
    squares += (cost - guessed) ** 2;
    const next = guessed + levelWeight * (cost - guessed);
    trend = trendWeight * (next - level) + (1 - trendWeight) * damping * trend;
    level = next;
  }
  const errors = Math.max(1, costs.length - 1);
  return {
    // One day alone says nothing of how days differ: up to twice as much would be no surprise.
    deviation: costs.length === 1 ? level / deviations : Math.sqrt(squares / errors),
    ahead: (steps) => level + (trend * damping * (1 - damping ** steps)) / (1 - damping),
  };
}

function mod(value: number, by: number): number {
  return ((value % by) + by) % by;
}
