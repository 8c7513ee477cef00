import type {
  ForecastUsageRequest,
  ForecastUsageResponse,
} from "@tandem/contracts/rpc/analytics/v1/analytics_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { requireReader } from "../authority.ts";
import { type DayGuess, forecast } from "../core/forecast.ts";
import { cover, floorTo, levelFor, type Span, stepMs, widened } from "../core/steps.ts";
import { analyticsFaults } from "../faults.ts";
import type { AnalyticsParts } from "../parts.ts";
import { costsByDay, findCurrency, lastRecordedMs } from "../store/query.ts";
import { keptSinceOf, readFilter } from "./read-request.ts";

const daysDefault = 30;
const daysMax = 92;
const historyDays = 90;

export async function forecastUsage(
  parts: AnalyticsParts,
  request: ForecastUsageRequest,
  context: CallContext,
): Promise<MessageInit<ForecastUsageResponse>> {
  const { organisationId } = request;
  requireReader(context, organisationId);
  const days = request.days || daysDefault;
  if (days > daysMax) {
    throw analyticsFaults.malformed({ publicMessage: `A forecast has at most ${daysMax} days.` });
  }
  const filter = readFilter(request.filter);
  const currency = request.currency || (await findCurrency(parts.database, organisationId));
  const costs = (span: Span) =>
    costsByDay(parts.database, { organisationId, filter, currency, pieces: piecesOf(parts, span) });
  const nowMs = parts.nowMs();
  const today = floorTo("day", nowMs);
  const monthStart = Date.UTC(new Date(nowMs).getUTCFullYear(), new Date(nowMs).getUTCMonth(), 1);
  const [history, burnDay, burnWeek] = await Promise.all([
    costs({ fromMs: today - historyDays * stepMs.day, untilMs: nowMs }),
    costs({ fromMs: nowMs - stepMs.day, untilMs: nowMs }),
    costs({ fromMs: nowMs - 7 * stepMs.day, untilMs: nowMs }),
  ]);
  const guessed = guess(history, { days: Math.max(days, 31), today });
  return {
    currency,
    burnDayNanos: sum(burnDay),
    burnWeekNanos: sum(burnWeek) / 7n,
    days: guessed.days.slice(0, days).map((day, index) => ({
      atMs: BigInt(today + index * stepMs.day),
      expectedNanos: toNanos(day.expected),
      lowNanos: toNanos(day.low),
      highNanos: toNanos(day.high),
    })),
    ...monthOf(guessed, { history, monthStart, nowMs }),
    daysSeen: guessed.daysSeen,
    recordedAtMs: BigInt(await lastRecordedMs(parts.database)),
  };
}

function piecesOf(parts: AnalyticsParts, span: Span) {
  const finest = levelFor(span, { least: "minute", keptSinceMs: keptSinceOf(parts) });
  return cover(widened(finest, span), { finest, coarsest: "day" });
}

/** From the whole days before today; today is the first to be guessed. */
function guess(
  history: ReadonlyMap<number, bigint>,
  { days, today }: { readonly days: number; readonly today: number },
) {
  const whole = Array.from({ length: historyDays }, (_, index) =>
    Number(history.get(today - (historyDays - index) * stepMs.day) ?? 0n),
  );
  return forecast(whole, { days, firstWeekday: new Date(today).getUTCDay() });
}

/** What the month has cost, with what is ahead of it: the rest of today, and its other days. */
function monthOf(
  guessed: ReturnType<typeof forecast>,
  given: {
    readonly history: ReadonlyMap<number, bigint>;
    readonly monthStart: number;
    readonly nowMs: number;
  },
) {
  const { history, monthStart, nowMs } = given;
  let soFar = 0n;
  for (const [day, cost] of history) if (day >= monthStart) soFar += cost;
  const start = new Date(monthStart);
  const monthEnd = Date.UTC(start.getUTCFullYear(), start.getUTCMonth() + 1, 1);
  const today = floorTo("day", nowMs);
  const ahead = guessed.sumOf(
    Math.round((monthEnd - today) / stepMs.day),
    1 - (nowMs - today) / stepMs.day,
  );
  const withSoFar = (part: keyof DayGuess): bigint => soFar + toNanos(ahead[part]);
  return {
    monthSoFarNanos: soFar,
    monthExpectedNanos: withSoFar("expected"),
    monthLowNanos: withSoFar("low"),
    monthHighNanos: withSoFar("high"),
  };
}

function sum(costs: ReadonlyMap<number, bigint>): bigint {
  let total = 0n;
  for (const cost of costs.values()) total += cost;
  return total;
}

function toNanos(value: number): bigint {
  return BigInt(Math.round(value));
}
