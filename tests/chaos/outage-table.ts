/** What is wrong with the outages of services, and the table that they end with. Pure. */
import { quantile } from "@tandem/libs/testing";
import { domainOf } from "./outage-probes.ts";
import type { OutageRun, ServiceOutage } from "./service-outage.ts";

/** A quiet machine keeps the promise; tests share theirs and get more. */
export interface OutageBounds {
  /** The fallback's answers at p99. */
  readonly fallbackMs: number;
  /** p99 of the other domain during the outage, by its p99 in the quiet spells of the run. */
  readonly otherRatio: number;
  /** What is added to the ratio's bound, since a p99 of a few milliseconds is mostly chance. */
  readonly otherSlackMs: number;
}

export const promise: OutageBounds = { fallbackMs: 100, otherRatio: 1.1, otherSlackMs: 0 };

export function outageShortcomings(run: OutageRun, bounds: OutageBounds): readonly string[] {
  return [
    ...run.outages.flatMap((outage) =>
      wrongsOf(outage, normalMs(run, outage), bounds).map((what) => `${outage.service}: ${what}`),
    ),
    ...run.books.wrong,
  ];
}

/**
 * What p99 of an outage's other domain is normally: over all quiet spells of the run that asked
 * that domain, since the p99 of one spell is its three or four worst answers.
 */
function normalMs({ outages }: Pick<OutageRun, "outages">, { service }: ServiceOutage): number {
  const alike = outages.filter((one) => domainOf(one.service) === domainOf(service));
  const times = alike.flatMap(({ otherBefore }) => otherBefore.times).sort((a, b) => a - b);
  return quantile(times, 0.99);
}

function wrongsOf(outage: ServiceOutage, normal: number, bounds: OutageBounds): readonly string[] {
  const { fallback, other, otherBefore, chats } = outage;
  const otherMs = normal * bounds.otherRatio + bounds.otherSlackMs;
  const checks: readonly (readonly [wrong: boolean, text: string])[] = [
    [fallback.asked === 0 || other.asked === 0, "nothing was asked"],
    [fallback.wrong.length > 0, `the fallback answered ${countOf(fallback.wrong)}`],
    [
      fallback.msP99 > bounds.fallbackMs,
      `the fallback took ${fallback.msP99.toFixed(1)} ms (${fallback.slowest})`,
    ],
    [otherBefore.wrong.length > 0, `before it the other domain said ${countOf(otherBefore.wrong)}`],
    [other.wrong.length > 0, `the other domain said ${countOf(other.wrong)}`],
    [
      isSlower(other.times, otherMs),
      `the other domain's p99 was ${(other.msP99 / normal).toFixed(2)} times`,
    ],
    [chats.failures.length > 0, `${chats.failures.length} chats failed`],
  ];
  return checks.flatMap(([wrong, text]) => (wrong ? [text] : []));
}

/**
 * Whether more answers than chance explains took longer than p99 may be: one in a hundred may, give
 * or take what such a count varies by, 2.33 standard deviations for a certainty of 99 %. The p99 of
 * 1,440 answers alone is the fifteenth slowest of them, and varies by a fifth.
 */
function isSlower(times: readonly number[], p99Max: number): boolean {
  const expected = times.length / 100;
  const slow = times.filter((ms) => ms > p99Max).length;
  return slow > expected + 2.33 * Math.sqrt(expected * 0.99);
}

function countOf(wrong: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const one of wrong) counts.set(one, (counts.get(one) ?? 0) + 1);
  return [...counts].map(([what, count]) => `${count} × ${what}`).join("; ");
}

const columns =
  "both gone,for,fallback asked,wrong,p50 / p99 / max,other domain asked,wrong," +
  "p99 normally / during,ratio,chats,failed,p99 before / during,ready / back after";

export function outageTable(run: OutageRun): string {
  const heads = columns.split(",");
  const { settlements, orders, wrong } = run.books;
  const books = wrong.length === 0 ? "each once, and nothing else" : wrong.join("; ");
  return [
    `| ${heads.join(" | ")} |`,
    `|${"---|".repeat(heads.length)}`,
    ...run.outages.map((outage) => lineOf(outage, normalMs(run, outage))),
    "",
    `Afterwards: ${settlements} settlements in the ledger and in usage, ${orders} orders: ${books}.`,
  ].join("\n");
}

function lineOf(outage: ServiceOutage, normal: number): string {
  const { service, downMs, fallback, other, chats, chatsBefore } = outage;
  const ms = (...values: readonly number[]): string =>
    `${values.map((value) => value.toFixed(1)).join(" / ")} ms`;
  const cells = [
    service,
    `${Math.round(downMs / 1_000)} s`,
    fallback.asked,
    fallback.wrong.length,
    ms(fallback.msP50, fallback.msP99, fallback.msMax),
    other.asked,
    other.wrong.length,
    ms(normal, other.msP99),
    (other.msP99 / normal).toFixed(2),
    chats.calls + chats.streams,
    chats.failures.length,
    ms(chatsBefore.callMsP99, chats.callMsP99),
    ms(outage.readyMs, outage.backMs),
  ];
  return `| ${cells.join(" | ")} |`;
}
