/**
 * The goals G1 to G19 beside what a run reached. Pure. None is left out: what no fault of this run
 * measured is "not run", with what would measure it.
 */
import type { Row } from "./fault.ts";

export interface Goal {
  readonly id: string;
  readonly what: string;
  readonly figure: string;
  readonly reached: string;
  /** `met`, `missed: …` or `not run: …`. */
  readonly verdict: string;
}

interface Aim {
  readonly id: string;
  readonly what: string;
  readonly figure: string;
  /** The rows it is read from; all have to be there. */
  readonly from: readonly string[];
  /** The most that figures of these rows may be; what is above is missed, whatever the rows say. */
  readonly limits?: Readonly<Record<string, number>>;
  /** What the rows' own verdicts do not say: figures that are to be told. */
  readonly tell?: (rows: readonly Row[]) => string;
  /** What of the goal no row can show here. */
  readonly beyond?: string;
}

const figureOf = (rows: readonly Row[], name: string): number =>
  Math.max(0, ...rows.map(({ figures }) => figures[name] ?? 0));

const figure = (rows: readonly Row[], name: string): string =>
  String(Math.round(figureOf(rows, name)));

const ms = (rows: readonly Row[], name: string): string => `${Math.round(figureOf(rows, name))} ms`;

const noticed = (rows: readonly Row[]): string =>
  `${sum(rows, "failed")} failed, ${sum(rows, "truncated")} truncated`;

function sum(rows: readonly Row[], name: "failed" | "truncated"): number {
  return rows.reduce((total, row) => total + (row[name] ?? 0), 0);
}

const aims: readonly Aim[] = [
  {
    id: "G1",
    what: "replicas killed every 500 ms",
    figure: "0 failed, 0 truncated; replaced <= 500 ms",
    from: ["F01", "F02"],
    limits: { recoveryMsP50: 500 },
    tell: (rows) => `${noticed(rows)}; replaced p50 ${ms(rows, "recoveryMsP50")}`,
  },
  {
    id: "G2",
    what: "routers killed every 500 ms",
    figure: "0 refused; client that retries: 0 failed",
    from: ["F03"],
    limits: { refused: 0 },
    tell: (rows) => `${figureOf(rows, "refused")} refused, ${sum(rows, "failed")} failed`,
  },
  {
    id: "G3",
    what: "all routers killed at once",
    figure: "0 refused; longest wait <= 1 s",
    from: ["F04"],
    limits: { refused: 0, waitMsMax: 1_000 },
    tell: (rows) => `${figureOf(rows, "refused")} refused; waited ${ms(rows, "waitMsMax")}`,
  },
  {
    id: "G4",
    what: "PostgreSQL gone for 60 s",
    figure: "0 failed; writes 503 <= 100 ms; settled <= 5 s after return; ledger exact",
    from: ["F09"],
    limits: { writeRefusedMs: 100 },
    tell: (rows) =>
      `${noticed(rows)}; write refused in ${ms(rows, "writeRefusedMs")}; back in ` +
      `${Math.round(rows[0]?.recoveryMs ?? 0)} ms`,
  },
  {
    id: "G5",
    what: "Redis gone for 60 s, then empty",
    figure: "0 failed; over-admission <= leases",
    from: ["F10"],
    tell: noticed,
  },
  {
    id: "G6",
    what: "streams cut at every byte, six ways",
    figure: "100 % byte-exact; 0 silent corruptions in 1,000,000 cuts",
    from: ["F33", "F34", "F35", "F36", "F37"],
    beyond: "the million, by hand: gateways/ai/testing/every-byte.ts (decision 200 has its result)",
  },
  {
    id: "G7",
    what: "the whole primary dead",
    figure: "full shift <= 2 s; 0 failed; back without a blip",
    from: ["F26"],
    limits: { shiftMs: 2_000 },
    tell: (rows) => `${noticed(rows)}; served after ${ms(rows, "shiftMs")}`,
  },
  {
    id: "G8",
    what: "false failovers",
    figure: "0 in 1,000 simulated hours of noise; <= 2 moves in 10 min when flapping",
    from: ["F27", "F28"],
  },
  {
    id: "G9",
    what: "100 rolling upgrades in a row",
    figure: "0 failed, 0 truncated; each <= 20 s",
    from: ["F42", "F43"],
    beyond: "a hundred of them: npm run chaos -- --upgrades 100",
  },
  {
    id: "G10",
    what: "5 x overload for 60 s",
    figure: "goodput >= 95 % of peak; critical >= 99.9 %; p99 <= 2 x normal; rejected <= 10 ms",
    from: ["F32"],
    limits: { criticalFailedPercent: 0.1, refusalMsP50: 10, admittedPerNormal: 2 },
    tell: (rows) =>
      `goodput ${figure(rows, "goodputPercent")} % of ${figure(rows, "peakPerSecond")}/s; ok of ` +
      `critical ${figureOf(rows, "criticalOk").toFixed(1)} %, default ` +
      `${figure(rows, "defaultOk")} %, sheddable ${figure(rows, "sheddableOk")} %; ` +
      `${figure(rows, "shed")} shed, rejected in ${ms(rows, "refusalMsP50")}; p99 ` +
      `${ms(rows, "admittedMsP99")}, normally ${ms(rows, "normalMsP99")}`,
  },
  {
    id: "G11",
    what: "all upstreams gone",
    figure: "attempts per request <= 1.10; first ok <= 1 s after return",
    from: ["F30"],
    limits: { firstOkMs: 1_000 },
    tell: (rows) => `first ok after ${ms(rows, "firstOkMs")}`,
  },
  {
    id: "G12",
    what: "frozen or blocked replica",
    figure: "<= 3 requests above 500 ms each; 0 failed",
    from: ["F12", "F13"],
    limits: { slow: 9 },
    tell: (rows) => `${noticed(rows)}; ${figureOf(rows, "slow")} above 500 ms in all`,
  },
  {
    id: "G13",
    what: "key revoked",
    figure: "p99 <= 100 ms; <= 2 s when cut off; closed after 30 s alone",
    from: ["F50"],
  },
  {
    id: "G14",
    what: "billing under chaos",
    figure: "drift 0; one settlement a request",
    from: ["F01", "F02", "F07", "F46", "F47"],
    tell: (rows) => `drift ${figureOf(rows, "driftNanos")} nanos`,
  },
  {
    id: "G15",
    what: "idempotency",
    figure: "100 calls with one key: 1 execution, 100 like answers, crashes included",
    from: ["F48"],
  },
  {
    id: "G16",
    what: "tenants apart",
    figure: "0 reads across in 1,000,000; noisy neighbour moves p99 <= 10 %",
    from: ["neighbour"],
    limits: { noisyPerCalm: 1.1, quietRefused: 0 },
    tell: (rows) =>
      `p99 of the other ${figureOf(rows, "noisyMsP99").toFixed(1)} ms, in calm ` +
      `${figureOf(rows, "calmMsP99").toFixed(1)} ms; ${figure(rows, "quietRefused")} of its ` +
      `calls refused, ${figure(rows, "loudRefused")} of the loud one's`,
    beyond: "the reads: tests/security/tenant-matrix.test.ts asks every route, not a million times",
  },
  {
    id: "G17",
    what: "composite chaos day",
    figure: "unary >= 99.999 %, streams >= 99.99 % plain",
    from: ["F54"],
    tell: (rows) =>
      `unary ${figureOf(rows, "unaryOk").toFixed(3)} %, ` +
      `streams ${figureOf(rows, "streamsOk").toFixed(2)} %`,
    beyond: "half an hour of it: --only F54 --long",
  },
  {
    id: "G18",
    what: "soak for an hour at 70 % load",
    figure: "memory slope <= 1 MB/h; descriptors flat; loop delay p99 <= 20 ms",
    from: ["soak"],
    limits: { memoryMibAnHour: 1, loopMsP99: 20 },
    tell: (rows) =>
      `${figure(rows, "soakSeconds")} s of ${figure(rows, "perSecond")}/s: ` +
      `${figureOf(rows, "memoryMibAnHour").toFixed(1)} MiB an hour, ` +
      `${figure(rows, "descriptorsGrown")} more descriptors, loop delay p99 ` +
      `${ms(rows, "loopMsP99")}`,
  },
  {
    id: "G19",
    what: "simulation",
    figure: ">= 300 x real time on one core; 2,000 seeds within 5 min",
    from: ["simulation"],
    limits: { tooSlow: 1, simulationSeconds: 300 },
    tell: (rows) =>
      `${figure(rows, "simulationSpeed")} x real time; 2,000 seeds of whole worlds in ` +
      `${figure(rows, "simulationSeconds")} s of one core`,
  },
];

export function goalsOf(rows: readonly Row[]): readonly Goal[] {
  return aims.map((aim) => {
    const { id, what, figure: aimed } = aim;
    const found = rows.filter((row) => aim.from.includes(row.id) && row.verdict !== "not run");
    const absent = aim.from.filter((from) => !found.some((row) => row.id === from));
    const reached = found.length === 0 ? "" : (aim.tell?.(found) ?? passedOf(found));
    return { id, what, figure: aimed, reached, verdict: verdictOf(aim, { found, absent, rows }) };
  });
}

function passedOf(rows: readonly Row[]): string {
  return rows.map(({ id, load, verdict }) => `${id} ${verdict} (${load})`).join(", ");
}

function verdictOf(
  aim: Aim,
  seen: {
    readonly found: readonly Row[];
    readonly absent: readonly string[];
    readonly rows: readonly Row[];
  },
): string {
  const wrong = seen.found.filter(({ verdict }) => verdict === "FAIL");
  if (wrong.length > 0) {
    return `missed: ${wrong.map(({ id, reasons }) => `${id} ${reasons[0] ?? ""}`).join("; ")}`;
  }
  const above = Object.entries(aim.limits ?? {}).filter(
    ([name, limit]) => figureOf(seen.found, name) > limit,
  );
  if (above.length > 0) {
    const told = above.map(([name, limit]) => `${name} ${figure(seen.found, name)} > ${limit}`);
    return `missed: ${told.join(", ")}`;
  }
  if (seen.absent.length > 0)
    return `not run: ${seen.absent.map((id) => why(id, seen.rows)).join(", ")}`;
  return aim.beyond === undefined ? "met" : `met, but for ${aim.beyond}`;
}

function why(id: string, rows: readonly Row[]): string {
  const reason = rows.find((row) => row.id === id)?.reasons[0];
  return reason === undefined ? id : `${id} (${reason})`;
}
