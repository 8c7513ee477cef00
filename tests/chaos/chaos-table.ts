/** The table that a chaos run ends with. Pure. */
import { formatNanos } from "@tandem/libs/kernel";
import type { KillLoopReport, LoadShape, Victims } from "./kill-loop.ts";

export interface ChaosRow {
  readonly victims: Victims;
  /** A replacement has to be ready this soon; 5,000, which is the reliability contract. */
  readonly recoveryLimitMs?: number;
  readonly shape: LoadShape;
  readonly report: KillLoopReport;
}

/**
 * What is wrong with a run; empty when nothing is. A stream goes on when its gateway dies, and ends
 * with its router, visibly: cut streams are counted and not held against a run that kills routers.
 */
export function shortcomings({
  victims,
  recoveryLimitMs = 5_000,
  report,
}: Omit<ChaosRow, "shape">): string[] {
  const { load, recoveryMsMax, settledMs, kills, books } = report;
  const some = (kind: "call" | "stream", ...what: readonly string[]): boolean =>
    load.failures.some((one) => one.kind === kind && what.includes(one.what));
  const mayCut = victims === "routers" || victims === "any";
  const isAllAcknowledged = load.failures.length === 0 && load.retried === 0;
  const wrongs: readonly (readonly [wrong: boolean, text: string])[] = [
    [kills === 0, "nobody was killed"],
    [some("call", "failed", "truncated"), "calls failed"],
    [some("stream", "failed"), "streams failed"],
    [!mayCut && some("stream", "truncated"), "streams were cut"],
    [load.failures.some(({ what }) => what === "unmarked"), "a cut stream looked whole"],
    [load.failures.some(({ what }) => what === "wrong"), "answers were wrong"],
    [recoveryMsMax > recoveryLimitMs, "a replacement was late"],
    [settledMs === undefined, "not all processes came back"],
    [!books.isSound, "the ledger does not add up"],
    [books.spentNanos < load.costNanos, "an answer was not charged"],
    [isAllAcknowledged && books.spentNanos > load.costNanos, "an answer was charged twice"],
  ];
  return wrongs.filter(([wrong]) => wrong).map(([, text]) => text);
}

const columns =
  "fault,load,kills,calls,streams,failed,cut,wrong,retried,resumed,seam p50 / p99,p99 of calls," +
  "recovery p50 / max,charged beyond answers,verdict";

export function chaosTable(rows: readonly ChaosRow[]): string {
  const heads = columns.split(",");
  return [`| ${heads.join(" | ")} |`, `|${"---|".repeat(heads.length)}`, ...rows.map(rowLine)].join(
    "\n",
  );
}

function rowLine(row: ChaosRow): string {
  const { victims, shape, report } = row;
  const { load, kills, recoveryMsP50, recoveryMsMax } = report;
  const count = (...what: readonly string[]): number =>
    load.failures.filter((failure) => what.includes(failure.what)).length;
  const problems = shortcomings(row);
  const cells = [
    `kill -9 ${victims === "any" ? "any process" : victims}`,
    `${shape.callsPerSecond} calls/s, ${shape.streams} streams`,
    kills,
    load.calls,
    load.streams,
    count("failed"),
    count("truncated"),
    count("wrong", "unmarked"),
    load.retried,
    load.resumed,
    `${Math.round(load.seamMsP50)} / ${Math.round(load.seamMsP99)} ms`,
    `${Math.round(load.callMsP99)} ms`,
    `${Math.round(recoveryMsP50)} / ${Math.round(recoveryMsMax)} ms`,
    formatNanos(report.books.spentNanos - load.costNanos),
    problems.length === 0 ? "pass" : `FAIL: ${problems.join(", ")}`,
  ];
  return `| ${cells.join(" | ")} |`;
}
