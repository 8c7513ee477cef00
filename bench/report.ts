/** The results as a page to read. Pure. */
import { contenderNames, type HouseFigures, judge, judgeHouse } from "./budgets.ts";
import { type Figure, isSound, median, type Sample, type Samples } from "./samples.ts";

export interface RunFacts {
  /** `2026-11-22`. */
  readonly date: string;
  readonly commit: string;
  /** Kind of processor, cores, memory, kernel, Node; never a name of a machine. */
  readonly machine: string;
  readonly rounds: number;
  readonly windowMs: number;
  readonly isQuick: boolean;
  readonly versions: Readonly<Record<string, string>>;
  readonly absent: readonly { readonly name: string; readonly reason: string }[];
  /** Absent where only some scenarios were asked for. */
  readonly house: HouseFigures | undefined;
}

const titles: Readonly<Record<keyof Samples, readonly [title: string, figure: Figure]>> = {
  "unary-1.5k": ["Unary call, 1.5 KB in, 1 KB out: CPU µs a call", "cpuUsPerUnit"],
  "unary-32k": ["Unary call, 32 KB in, 1 KB out: CPU µs a call", "cpuUsPerUnit"],
  "stream-chunk": ["Streamed chunk, 200 bytes every 10 ms: CPU µs a chunk", "cpuUsPerUnit"],
  "message-chunk": ["The same, told as Anthropic's events: CPU µs a chunk", "cpuUsPerUnit"],
  "response-chunk": ["The same, told as Responses' events: CPU µs a chunk", "cpuUsPerUnit"],
  "websocket-chunk": ["The same, in messages of the WebSocket: CPU µs a chunk", "cpuUsPerUnit"],
  "http2-chunk": ["The same, native and over HTTP/2: CPU µs a chunk", "cpuUsPerUnit"],
  "grpc-chunk": ["The same, by gRPC: CPU µs a chunk", "cpuUsPerUnit"],
  "grpc-web-chunk": ["The same, by gRPC-web: CPU µs a chunk", "cpuUsPerUnit"],
  "connect-chunk": ["The same, by Connect: CPU µs a chunk", "cpuUsPerUnit"],
  "cache-hit": ["Cache hit (peers: a plain call): CPU µs a call", "cpuUsPerUnit"],
  latency: ["Time of a call at a fixed rate: p50 ms", "latencyMsP50"],
  "idle-stream": ["Open idle stream: private KiB of the path", "kibPerUnit"],
};

export function reportPage(samples: Samples, facts: RunFacts): string {
  const versions = Object.entries(facts.versions).map(([name, version]) => `${name} ${version}`);
  return [
    "# Bench results",
    "",
    "Written by `npm run bench`; do not edit. What is measured and how: bench/README.md.",
    "",
    `- Date: ${facts.date}, commit ${facts.commit}${facts.isQuick ? ", quick form" : ""}`,
    `- Machine: ${facts.machine}`,
    `- Peers in the same run: ${versions.join(", ")}`,
    ...facts.absent.map(({ name, reason }) => `- Left out: ${name} (${reason})`),
    `- ${facts.rounds} interleaved rounds, windows of ${facts.windowMs} ms; medians`,
    "",
    "## Budgets",
    "",
    ...budgetTable(samples, facts.house),
    ...Object.entries(titles).flatMap(([scenario, [title, figure]]) =>
      scenarioTable(title, figure, samples[scenario as keyof Samples] ?? {}),
    ),
    "",
  ].join("\n");
}

function budgetTable(samples: Samples, house: HouseFigures | undefined): string[] {
  return [
    "| budget | measured | must | goal | verdict |",
    "|---|---|---|---|---|",
    ...[...judge(samples), ...judgeHouse(house)].map(
      ({ what, value, must, goal, unit, verdict }) => {
        const limit = (number: number | undefined) => (number === undefined ? "–" : `≤ ${number}`);
        const measured = value === undefined ? "–" : `${precise(value)} ${unit}`;
        return `| ${what} | ${measured} | ${limit(must)} | ${limit(goal)} | ${verdict} |`;
      },
    ),
    "",
  ];
}

function scenarioTable(
  title: string,
  figure: Figure,
  contenders: Readonly<Record<string, readonly (Sample | undefined)[]>>,
): string[] {
  const nginx = middle(contenders[contenderNames.nginx] ?? [], figure);
  const lines = Object.entries(contenders).map(([name, rounds]) => {
    const sound = rounds.filter(isSound);
    const value = middle(rounds, figure);
    if (value === undefined) return `| ${name} | failed: ${problemsOf(rounds)} | | | | | |`;
    const values = sound.map((sample) => sample[figure]);
    const cells = [
      precise(value),
      `${precise(Math.min(...values))}–${precise(Math.max(...values))}`,
      nginx === undefined ? "–" : precise(value / nginx),
      String(Math.round(middle(rounds, "unitsPerSecond") ?? 0)),
      `${Math.round((middle(rounds, "coreShare") ?? 0) * 100)} %`,
      `${precise(middle(rounds, "latencyMsP50") ?? 0)} / ${precise(middle(rounds, "latencyMsP99") ?? 0)}`,
    ];
    return `| ${name} | ${cells.join(" | ")} |`;
  });
  if (lines.length === 0) return [];
  return [
    `## ${title}`,
    "",
    "| path | median | min–max | × nginx | a second | share of its core | p50 / p99 ms |",
    "|---|---|---|---|---|---|---|",
    ...lines,
    "",
  ];
}

type Column = Figure | "unitsPerSecond" | "coreShare";

function middle(rounds: readonly (Sample | undefined)[], column: Column): number | undefined {
  return median(rounds.filter(isSound).map((sample) => sample[column]));
}

function problemsOf(rounds: readonly (Sample | undefined)[]): string {
  const problems = new Set(rounds.flatMap((sample) => sample?.problems ?? []));
  return [...problems].join(", ") || "no answers";
}

/** Three significant digits, no exponent. */
function precise(value: number): string {
  if (Math.abs(value) >= 100) return String(Math.round(value));
  return String(Number(value.toPrecision(3)));
}
