/** The table that a chaos run ends with. Pure. */
import type { KillLoopReport, LoadShape, Victims } from "./kill-loop.ts";

export interface ChaosRow {
  readonly victims: Victims;
  readonly shape: LoadShape;
  readonly report: KillLoopReport;
}

/** A replacement has to be ready this soon (all replicas ready within 5 s). */
const recoveryLimitMs = 5_000;

/** What is wrong with a run; empty when nothing is. */
export function shortcomings({ load, recoveryMsMax, settledMs, kills }: KillLoopReport): string[] {
  const count = (kind: "call" | "stream", what: readonly string[]): number =>
    load.failures.filter((one) => one.kind === kind && what.includes(one.what)).length;
  const wrongs: readonly (readonly [wrong: boolean, text: string])[] = [
    [kills === 0, "nobody was killed"],
    [count("call", ["failed", "truncated"]) > 0, "calls failed"],
    [count("stream", ["failed"]) > 0, "streams failed"],
    [count("stream", ["truncated"]) > 0, "streams were cut"],
    [load.failures.some(({ what }) => what === "wrong"), "answers were wrong"],
    [recoveryMsMax > recoveryLimitMs, "a replacement was late"],
    [settledMs === undefined, "not all processes came back"],
  ];
  return wrongs.filter(([wrong]) => wrong).map(([, text]) => text);
}

export function chaosTable(rows: readonly ChaosRow[]): string {
  return [
    "| fault | load | kills | calls | streams | failed | truncated | wrong | retried | p99 of calls | recovery p50 / max | verdict |",
    "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ...rows.map(rowLine),
  ].join("\n");
}

function rowLine({ victims, shape, report }: ChaosRow): string {
  const { load, kills, recoveryMsP50, recoveryMsMax } = report;
  const count = (what: string): number =>
    load.failures.filter((failure) => failure.what === what).length;
  const problems = shortcomings(report);
  const cells = [
    `kill -9 ${victims === "any" ? "any process" : victims}`,
    `${shape.callsPerSecond} calls/s, ${shape.streams} streams`,
    kills,
    load.calls,
    load.streams,
    count("failed"),
    count("truncated"),
    count("wrong"),
    load.retried,
    `${Math.round(load.callMsP99)} ms`,
    `${Math.round(recoveryMsP50)} / ${Math.round(recoveryMsMax)} ms`,
    problems.length === 0 ? "pass" : `FAIL: ${problems.join(", ")}`,
  ];
  return `| ${cells.join(" | ")} |`;
}
