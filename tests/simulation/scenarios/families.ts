import type { Limit } from "../../../services/quota/core/limit.ts";
import type { Scenario } from "./scenario.ts";

const gatewaySettings = {
  // As short as they may be: a simulated minute is not worth waiting for.
  streams: { drain: "500ms", return: "5s" },
};

const process = { gateway: gatewaySettings };
const power = { gateway: { ...gatewaySettings, wallet: { durability: "power" } } };

function limit(id: string, organisation: number): Limit {
  return {
    id,
    subject: {
      organisationId: `org_${organisation}`,
      ...{ projectId: "", userId: "", keyId: "", model: "" },
    },
    kind: "requests",
    ...{ amount: 20, windowMs: 10_000, version: 1n, setBy: "organisation", raise: undefined },
  };
}

export const families: readonly Scenario[] = [
  {
    name: "storm",
    about: "everything at once: balancer, health, retry budget, failover, splicer, money, feeds",
    loadMs: 8_000,
    load: {},
    options: { ...process, skewMs: 10_000 },
    kinds: [
      ...["kill", "kill", "kill", "freeze", "freeze", "partition", "partition", "reset", "drain"],
      ...["messages lost", "messages tripled", "slow network", "quota database", "auth away"],
      ...["quota answers lost", "usage database", "hot store", "hot store answers lost", "clock"],
      ...["upstream errors", "upstream cuts", "upstream stalls", "upstream slow", "slow disk"],
    ],
    faults: { least: 1, most: 6 },
  },
  {
    name: "kills",
    about: "processes die one after another: hand-over of streams, journal, leases, retries",
    loadMs: 7_000,
    load: { everyMs: 150 },
    options: process,
    kinds: ["kill", "kill", "freeze", "drain", "reset"],
    faults: { least: 2, most: 8 },
  },
  {
    name: "power",
    about: "machines lose power and disks fail: the journal with torn and lost tails",
    loadMs: 6_000,
    load: { streams: 0.3, leaving: 0 },
    options: power,
    kinds: ["power", "power", "disk", "slow disk", "kill"],
    faults: { least: 1, most: 4 },
  },
  {
    name: "messages",
    about: "internal messages lost, tripled, late and out of order: idempotency, leases, outbox",
    loadMs: 6_000,
    load: { everyMs: 200 },
    options: process,
    kinds: ["messages lost", "slow network", "quota answers lost", "partition", "reset"],
    faults: { least: 1, most: 4 },
    always: [{ kind: "messages tripled", target: "all", atMs: 0, forMs: 8_000 }],
  },
  {
    name: "stores",
    about: "databases and the hot store gone, slow, emptied: snapshots, leases, the local shares",
    loadMs: 8_000,
    load: {},
    options: process,
    kinds: [
      ...["quota database", "quota answers lost", "usage database", "auth away", "hot store"],
      ...["hot store answers lost", "kill"],
    ],
    faults: { least: 1, most: 4 },
  },
  {
    name: "streams",
    about: "model streams break, stall and move: splicer, stall watchdog, failover, resume budget",
    loadMs: 6_000,
    load: { everyMs: 120, streams: 0.95, leaving: 0.08, cached: 0, tokensMax: 80 },
    options: process,
    kinds: [
      "upstream cuts",
      "upstream cuts",
      "upstream stalls",
      "upstream errors",
      "kill",
      "reset",
    ],
    faults: { least: 1, most: 5 },
  },
  {
    name: "limits",
    about: "rate limits under leases while the shared count is lost: limit desk, GCRA, pools",
    loadMs: 8_000,
    load: { everyMs: 80, streams: 0.1, leaving: 0, cached: 0, tokensMax: 12 },
    options: { ...process, limits: [limit("lim_1", 1), limit("lim_2", 2)] },
    kinds: ["hot store", "hot store answers lost", "kill", "partition"],
    faults: { least: 0, most: 3 },
  },
  {
    name: "scarce",
    about: "money runs out while leases are lost and found: slices, reservations, adoption",
    loadMs: 7_000,
    load: { everyMs: 100, leaving: 0.1, cached: 0 },
    options: { ...process, walletNanos: 4_000_000n },
    kinds: ["kill", "kill", "partition", "quota answers lost", "messages tripled", "freeze"],
    faults: { least: 1, most: 5 },
  },
  {
    name: "revocation",
    about: "keys are revoked while parts are cut off: the revocation feed, single-flight look-ups",
    loadMs: 8_000,
    load: { everyMs: 200, keys: 4 },
    options: process,
    kinds: ["auth away", "partition", "kill", "messages tripled"],
    faults: { least: 0, most: 3 },
    revokes: 2,
  },
  {
    name: "clocks",
    about: "wall clocks an hour or days off: passports, leases, deadlines, identity and hand-over",
    loadMs: 8_000,
    load: { everyMs: 200 },
    options: process,
    kinds: ["clock jump", "clock jump", "kill"],
    faults: { least: 1, most: 4 },
  },
];
