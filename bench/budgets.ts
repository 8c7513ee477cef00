/** The budgets that this bench measures, and the verdict on each. Pure. */
import { comparedOf, type Figure, medianOf, type Samples, type ScenarioName } from "./samples.ts";

/** Names of the contenders in the samples. */
export const contenderNames = {
  direct: "direct",
  nginx: "nginx",
  haproxy: "HAProxy",
  portkey: "Portkey",
  tandem: "Tandem",
  untranslated: "Tandem, untranslated",
  gatewayAlone: "Tandem, ai gateway alone",
} as const;

type ContenderKey = keyof typeof contenderNames;

interface Against {
  readonly contender: ContenderKey;
  readonly as: "ratio" | "difference";
  /** Where the other one was measured; in the same scenario when absent. */
  readonly inScenario?: ScenarioName;
}

export interface Budget {
  readonly what: string;
  readonly scenario: ScenarioName;
  readonly contender: ContenderKey;
  readonly figure: Figure;
  /** Set against another contender of the same round, or taken as it is. */
  readonly against?: Against;
  /** At most; undefined where the design asks for the goal only. */
  readonly must: number | undefined;
  readonly goal: number | undefined;
  readonly unit: string;
}

const cpu = "cpuUsPerUnit";
const ofNginx = { contender: "nginx", as: "ratio" } as const;
/** nginx relays what it is given: its chunk costs the same in whichever dialect it comes. */
const ofNginxsChunk = { ...ofNginx, inScenario: "stream-chunk" } as const;
const ofUntranslated = { contender: "untranslated", as: "ratio" } as const;
const overDirect = { contender: "direct", as: "difference" } as const;

export const budgets: readonly Budget[] = [
  row("unary call, 1.5 KB, router and gateway", "unary-1.5k", "tandem", [7, 3.5], ofNginx),
  row("the same, against Portkey's bare hop", "unary-1.5k", "tandem", [0.1, 0.05], {
    contender: "portkey",
    as: "ratio",
  }),
  row("unary call, 1.5 KB, gateway alone", "unary-1.5k", "gatewayAlone", [5, 2], ofNginx),
  row("unary call, 32 KB, router and gateway", "unary-32k", "tandem", [6, 3.2], ofNginx),
  row("streamed chunk of 200 bytes, paced 10 ms", "stream-chunk", "tandem", [4, 2.5], ofNginx),
  row("the same, told as Anthropic's", "message-chunk", "tandem", [4.8, 2.75], ofNginxsChunk),
  row("the same, told as Responses'", "response-chunk", "tandem", [4.8, 2.75], ofNginxsChunk),
  translated("Anthropic's events", "message-chunk"),
  translated("Responses' events", "response-chunk"),
  translated("messages of the WebSocket", "websocket-chunk"),
  row(
    "a chunk over HTTP/2, native",
    "http2-chunk",
    "tandem",
    [undefined, undefined],
    ofUntranslated,
  ),
  translated("gRPC, both over HTTP/2", "grpc-chunk"),
  translated("gRPC-web", "grpc-web-chunk"),
  translated("Connect", "connect-chunk"),
  row("cache hit, router and gateway", "cache-hit", "tandem", [4, 2], ofNginx),
  row("cache hit, gateway alone", "cache-hit", "gatewayAlone", [undefined, 1], ofNginx),
  { ...time("cache hit, p99", "cache-hit", "latencyMsP99", [2, undefined]) },
  { ...time("added latency, p50", "latency", "latencyMsP50", [0.8, 0.5]), against: overDirect },
  { ...time("added latency, p99", "latency", "latencyMsP99", [3, 2]), against: overDirect },
  {
    what: "memory of an open idle stream, router and gateway",
    scenario: "idle-stream",
    contender: "tandem",
    figure: "kibPerUnit",
    must: 64,
    goal: 28,
    unit: "KiB",
  },
];

/** What the product costs when nobody calls it. */
export interface HouseFigures {
  /** From the command to the ready line, nothing cached but npm's packages. */
  readonly firstStartSeconds: number;
  readonly laterStartSeconds: number;
  /** Of supervisor and processes, without the engine's model and PostgreSQL. */
  readonly idleMib: number;
  readonly idleCorePercent: number;
}

interface HouseBudget {
  readonly what: string;
  readonly figure: keyof HouseFigures;
  readonly must: number;
  readonly goal: number;
  readonly unit: string;
}

const houseBudgets: readonly HouseBudget[] = [
  { ...ofHouse("first start", "firstStartSeconds", [12, 6]), unit: "s" },
  { ...ofHouse("later start", "laterStartSeconds", [6, 3]), unit: "s" },
  { ...ofHouse("idle, memory without engine and database", "idleMib", [1_229, 800]), unit: "MiB" },
  { ...ofHouse("idle, the same, of a core", "idleCorePercent", [3, 1]), unit: "%" },
];

function ofHouse(what: string, figure: keyof HouseFigures, limits: readonly [number, number]) {
  const [must, goal] = limits;
  return { what: `all processes: ${what}`, figure, must, goal };
}

type Limits = readonly [must: number | undefined, goal: number | undefined];

function row(
  what: string,
  scenario: ScenarioName,
  contender: ContenderKey,
  [must, goal]: Limits,
  against: NonNullable<Budget["against"]>,
): Budget {
  const isOwn = against.contender === "untranslated";
  const unit = `× ${isOwn ? "native" : contenderNames[against.contender]}`;
  return { what, scenario, contender, figure: cpu, against, must, goal, unit };
}

/** Telling it otherwise than the upstream does costs less than a fifth more. */
function translated(told: string, scenario: ScenarioName): Budget {
  return row(`a chunk told as ${told}`, scenario, "tandem", [undefined, 1.2], ofUntranslated);
}

function time(what: string, scenario: ScenarioName, figure: Figure, [must, goal]: Limits): Budget {
  return { what, scenario, contender: "tandem", figure, must, goal, unit: "ms" };
}

export type Verdict =
  | "goal reached"
  | "within budget"
  | "short of the goal"
  | "OVER BUDGET"
  | "no budget"
  | "not measured";

export interface Judgement extends Budget {
  readonly value: number | undefined;
  readonly verdict: Verdict;
}

export function judge(samples: Samples): Judgement[] {
  return budgets.map((budget) => {
    const { scenario, figure, against } = budget;
    const which = { scenario, figure, contender: contenderNames[budget.contender] };
    const value = against
      ? comparedOf(samples, {
          ...which,
          against: contenderNames[against.contender],
          as: against.as,
          ...(against.inScenario && { inScenario: against.inScenario }),
        })
      : medianOf(samples, which);
    return { ...budget, value, verdict: verdictOn(value, budget) };
  });
}

export type HouseJudgement = HouseBudget & Pick<Judgement, "value" | "verdict">;

/** Without figures it was not measured. */
export function judgeHouse(figures: HouseFigures | undefined): HouseJudgement[] {
  return houseBudgets.map((budget) => {
    const value = figures?.[budget.figure];
    return { ...budget, value, verdict: verdictOn(value, budget) };
  });
}

/** A budget with a goal only cannot be over: the design wishes, it does not demand. */
function verdictOn(
  value: number | undefined,
  { must, goal }: Pick<Budget, "must" | "goal">,
): Verdict {
  if (value === undefined || Number.isNaN(value)) return "not measured";
  if (must === undefined && goal === undefined) return "no budget";
  if (goal !== undefined && value <= goal) return "goal reached";
  if (must === undefined) return "short of the goal";
  return value <= must ? "within budget" : "OVER BUDGET";
}
