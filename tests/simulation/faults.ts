import type { SeededRandom } from "@tandem/libs/testing";
import { type SimulatedTandem, upstreamNames } from "./house/tandem.ts";
import { wellMood } from "./house/upstream.ts";

/** One thing that goes wrong, when, and for how long; milliseconds. */
export interface Fault {
  readonly kind: string;
  readonly target: string;
  readonly atMs: number;
  readonly forMs: number;
}

type Doing = (house: SimulatedTandem, fault: Fault) => void;

/** Runs when the fault is over. */
function later(house: SimulatedTandem, { forMs }: Fault, run: () => void): void {
  house.scheduler.after(forMs, run);
}

function withMood(change: (mood: SimulatedTandemMood) => void): Doing {
  return (house, fault) => {
    const upstream = house.upstreams.get(fault.target);
    if (upstream === undefined) return;
    change(upstream.mood);
    later(house, fault, () => {
      Object.assign(house.upstreams.get(fault.target)?.mood ?? {}, wellMood);
    });
  };
}

type SimulatedTandemMood = { -readonly [Name in keyof typeof wellMood]: (typeof wellMood)[Name] };

function cutWays(house: SimulatedTandem, { target }: Fault, untilMs: number): void {
  const [one = "", other = "", direction = "both"] = target.split(" ");
  if (direction !== "back") house.network.link(one, other).blockedUntilMs = untilMs;
  if (direction !== "there") house.network.link(other, one).blockedUntilMs = untilMs;
}

/** How each kind of fault is done to the house. */
export const doings: Readonly<Record<string, Doing>> = {
  kill(house, fault) {
    house.kill(fault.target);
    later(house, fault, () => {
      if (fault.target.includes("primary") || fault.target.includes("standby")) {
        house.startUpstream(fault.target);
      } else house.startProcess(fault.target);
    });
  },
  power(house, fault) {
    house.kill(fault.target);
    house.machine(fault.target).disk.losePower();
    later(house, fault, () => house.startProcess(fault.target));
  },
  freeze(house, { target, forMs }) {
    house.machine(target).process?.freeze(house.nowMs + forMs);
  },
  drain(house, fault) {
    const replica = house.replicas.get(fault.target);
    const process = house.machine(fault.target).process;
    replica?.drain();
    process?.after(600, () => {
      void replica?.close({ deadlineMs: fault.forMs }).then(() => {
        house.kill(fault.target);
        house.scheduler.after(300, () => house.startProcess(fault.target));
      });
    });
  },
  partition: (house, fault) => cutWays(house, fault, house.nowMs + fault.forMs),
  reset(house, { target }) {
    const [one = "", other = ""] = target.split(" ");
    house.network.reset(({ client, server }) => {
      const ends = [client.machine.name, server?.machine.name];
      return ends.includes(one) && ends.includes(other);
    });
  },
  "messages lost": (house, fault) => {
    house.network.habits.losses = 0.2;
    later(house, fault, () => {
      house.network.habits.losses = 0;
    });
  },
  "messages tripled": (house, fault) => {
    house.network.habits.duplicates = 0.5;
    later(house, fault, () => {
      house.network.habits.duplicates = 0;
    });
  },
  "slow network": (house, fault) => {
    const link = house.network.link(...pairOf(fault.target));
    link.jitterMs = 600;
    later(house, fault, () => {
      link.jitterMs = house.network.habits.jitterMs;
    });
  },
  "quota database": (house, fault) => {
    house.quotaDatabase.isAway = true;
    later(house, fault, () => {
      house.quotaDatabase.isAway = false;
    });
  },
  "quota answers lost": (house, fault) => {
    house.quotaDatabase.answersLost = 0.3;
    later(house, fault, () => {
      house.quotaDatabase.answersLost = 0;
    });
  },
  "usage database": (house, fault) => {
    house.usageDatabase.isAway = true;
    house.usageDatabase.answersLost = 0.3;
    later(house, fault, () => {
      house.usageDatabase.isAway = false;
      house.usageDatabase.answersLost = 0;
    });
  },
  "auth away": (house, fault) => {
    house.authDatabase.isAway = true;
    later(house, fault, () => {
      house.authDatabase.isAway = false;
    });
  },
  "hot store": (house, fault) => {
    house.hotStore.habits.isAway = true;
    later(house, fault, () => {
      house.hotStore.habits.isAway = false;
      void house.hotStore.empty();
    });
  },
  "hot store answers lost": (house, fault) => {
    house.hotStore.habits.answersLost = 0.2;
    later(house, fault, () => {
      house.hotStore.habits.answersLost = 0;
    });
  },
  "upstream errors": withMood((mood) => {
    mood.errors = 0.5;
  }),
  "upstream cuts": withMood((mood) => {
    mood.cuts = 0.5;
  }),
  "upstream stalls": withMood((mood) => {
    mood.stalls = 0.3;
  }),
  "upstream slow": withMood((mood) => {
    mood.firstTokenMs = 1_500;
    mood.tokenMs = 60;
  }),
  disk(house, fault) {
    const { habits } = house.machine(fault.target).disk;
    habits.failsWith = fault.atMs % 2 === 0 ? "ENOSPC" : "EIO";
    later(house, fault, () => {
      habits.failsWith = undefined;
    });
  },
  "slow disk": (house, fault) => {
    const { habits } = house.machine(fault.target).disk;
    habits.syncMs = 80;
    habits.writeMs = 20;
    later(house, fault, () => {
      habits.syncMs = 2;
      habits.writeMs = 0.1;
    });
  },
  /** An hour off, or days, until somebody notices. */
  "clock jump": (house, fault) => {
    const machine = house.machine(fault.target);
    const [hour, day] = [3_600_000, 86_400_000];
    const jumpMs = [hour, -hour, 5 * day][fault.atMs % 3] ?? 0;
    machine.wallOffsetMs += jumpMs;
    later(house, fault, () => {
      machine.wallOffsetMs -= jumpMs;
    });
  },
  clock(house, { target, forMs }) {
    house.machine(target).wallOffsetMs += forMs % 2 === 0 ? 40_000 : -40_000;
  },
};

function pairOf(target: string): [string, string] {
  const [one = "", other = ""] = target.split(" ");
  return [one, other];
}

const replicaNames = ["router-1", "router-2", "ai-1", "ai-2", "quota-1", "quota-2"] as const;
const serviceNames = ["auth-1", "auth-2", "analytics-1", "shelf-1"] as const;
const anyProcess = [...replicaNames, ...replicaNames, ...serviceNames, ...upstreamNames];

/** Pairs of machines that talk to one another. */
const ways = [
  ...["router-1 ai-1", "router-1 ai-2", "router-2 ai-1", "router-2 ai-2"],
  ...["ai-1 quota-1", "ai-1 quota-2", "ai-2 quota-1", "ai-2 quota-2"],
  ...["ai-1 auth-1", "ai-2 auth-2", "ai-1 primary-1", "ai-2 primary-1", "ai-1 primary-2"],
  ...["quota-1 analytics-1", "quota-2 analytics-1", "ai-1 shelf-1"],
];

type Draw = (random: SeededRandom) => { readonly target: string; readonly forMs: number };

function span(random: SeededRandom, leastMs: number, mostMs: number): number {
  return leastMs + random.integer(mostMs - leastMs);
}

const draws: Readonly<Record<string, Draw>> = {
  kill: (random) => ({ target: random.pick(anyProcess), forMs: span(random, 100, 2_000) }),
  power: (random) => ({ target: random.pick(["ai-1", "ai-2"]), forMs: span(random, 200, 3_000) }),
  freeze: (random) => ({ target: random.pick(anyProcess), forMs: span(random, 50, 5_000) }),
  drain: (random) => ({ target: random.pick(["ai-1", "ai-2"]), forMs: 3_000 }),
  partition: (random) => ({
    target: `${random.pick(ways)} ${random.pick(["both", "there", "back"])}`,
    forMs: span(random, 50, 6_000),
  }),
  reset: (random) => ({ target: random.pick(ways), forMs: 0 }),
  "slow network": (random) => ({ target: random.pick(ways), forMs: span(random, 500, 5_000) }),
  "upstream errors": (random) => onUpstream(random),
  "upstream cuts": (random) => onUpstream(random),
  "upstream stalls": (random) => onUpstream(random),
  "upstream slow": (random) => onUpstream(random),
  disk: (random) => ({ target: random.pick(["ai-1", "ai-2"]), forMs: span(random, 100, 3_000) }),
  "slow disk": (random) => ({
    target: random.pick(["ai-1", "ai-2"]),
    forMs: span(random, 500, 5_000),
  }),
  "clock jump": (random) => ({
    target: random.pick(anyProcess),
    forMs: span(random, 500, 6_000),
  }),
  clock: (random) => ({ target: random.pick(anyProcess), forMs: random.integer(2) }),
};

function onUpstream(random: SeededRandom) {
  return { target: random.pick(upstreamNames), forMs: span(random, 500, 6_000) };
}

/** A fault of this kind, drawn at random. */
export function drawFault(random: SeededRandom, kind: string, atMs: number): Fault {
  const draw = draws[kind];
  const drawn = draw?.(random) ?? { target: "all", forMs: span(random, 200, 5_000) };
  return { kind, atMs, ...drawn };
}
