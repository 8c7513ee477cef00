/** The tables that a run ends with. Pure. */
import type { Row } from "./fault.ts";
import type { Goal } from "./goals.ts";

const heads = ["fault", "load", "failed", "truncated", "recovery", "verdict", "figures"];

export function faultTable(rows: readonly Row[]): string {
  return table(
    heads,
    rows.map((row) => [
      `${row.id} ${row.what}`,
      row.load,
      count(row.failed),
      count(row.truncated),
      row.recoveryMs === undefined ? "" : `${milliseconds(row.recoveryMs)}`,
      [row.verdict, ...(row.verdict === "pass" ? [] : row.reasons)].join(": "),
      Object.entries(row.figures).filter(isTold).map(figureText).join(", "),
    ]),
  );
}

export function goalTable(goals: readonly Goal[]): string {
  return table(
    ["goal", "to reach", "reached here", "verdict"],
    goals.map(({ id, what, figure, reached, verdict }) => [
      `${id} ${what}`,
      figure,
      reached,
      verdict,
    ]),
  );
}

/** Those that every row has are told only where they say something. */
const silentAtZero = new Set(["resumed", "refused", "retried", "driftNanos", "marked", "slow"]);
const silent = new Set([
  "unaryOk",
  "streamsOk",
  "seamMsP99",
  "callMsP999",
  "isShort",
  "settlements",
  "victims",
  "criticalFailedPercent",
  "admittedPerNormal",
]);

function isTold([name, figure]: readonly [string, number]): boolean {
  return !silent.has(name) && !(silentAtZero.has(name) && figure === 0);
}

function figureText([name, figure]: readonly [string, number]): string {
  return `${name} ${Number.isInteger(figure) ? figure : figure.toFixed(figure < 10 ? 2 : 0)}`;
}

function count(given: number | undefined): string {
  return given === undefined ? "" : String(given);
}

function milliseconds(ms: number): string {
  return Number.isFinite(ms) ? `${Math.round(ms)} ms` : "never";
}

function table(head: readonly string[], lines: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll("|", "/").replaceAll("\n", " ")).join(" | ")} |`;
  return [line(head), `|${"---|".repeat(head.length)}`, ...lines.map(line)].join("\n");
}
