/**
 * No rule that cannot fail: each is shown a house in which one part is spoilt on purpose, and has
 * to find it. A house without spoilt parts passes all of them.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { familyNamed } from "./campaign.ts";
import type { Fault } from "./faults.ts";
import type { SimulatedTandem } from "./house/tandem.ts";
import { rules } from "./rules/index.ts";
import { runSeed } from "./run-seed.ts";
import { Fields } from "./world/fields.ts";

interface Spoilt {
  readonly rule: string;
  readonly what: string;
  readonly family: string;
  readonly faults?: readonly Fault[];
  readonly spoil: (house: SimulatedTandem) => void;
}

const kill = (target: string, atMs: number, forMs = 500): Fault => {
  return { kind: "kill", target, atMs, forMs };
};

/** Changes what clients read, once an answer says so. */
function misread(change: (event: string) => string) {
  return (house: SimulatedTandem): void => {
    const chunk = (bytes: Buffer): Buffer => {
      const events = bytes.toString().split("\n\n");
      return Buffer.from(events.map((event) => (event === "" ? "" : change(event))).join("\n\n"));
    };
    house.network.tampering.set("client-1", { chunk });
  };
}

const doubled = (event: string): string =>
  event.includes('"content":"a') ? `${event}\n\n${event}` : event;
const cutLooksWhole = (event: string): string =>
  event.includes('"error"') ? `${event}\n\ndata: [DONE]` : event;

const spoilt: readonly Spoilt[] = [
  {
    rule: "1 accepted is not lost",
    what: "a door that swallows requests",
    family: "kills",
    spoil: (house) => house.network.tampering.set("client-1", { swallows: true }),
  },
  {
    rule: "2 exactly one outcome",
    what: "a gateway that ends what broke like a whole answer",
    family: "streams",
    faults: [
      { kind: "upstream cuts", target: "primary-1", atMs: 0, forMs: 6_000 },
      { kind: "upstream cuts", target: "primary-2", atMs: 0, forMs: 6_000 },
      { kind: "upstream cuts", target: "standby-1", atMs: 0, forMs: 6_000 },
    ],
    spoil: misread(cutLooksWhole),
  },
  {
    rule: "3 one continuous text",
    what: "a splicer that says a token twice",
    family: "streams",
    faults: [],
    spoil: misread(doubled),
  },
  {
    rule: "4 money is exact",
    what: "a journal that forgets what it acknowledged",
    family: "kills",
    faults: [kill("ai-1", 2_500), kill("ai-2", 2_500)],
    spoil: (house) => {
      for (const name of ["ai-1", "ai-2"]) {
        const { disk } = house.machine(name);
        const killed = disk.killed.bind(disk);
        disk.killed = (process) => {
          killed(process);
          disk.forgetAll();
        };
      }
    },
  },
  {
    rule: "4 money is exact",
    what: "books that charge a repeated settlement once more",
    family: "messages",
    spoil: (house) => {
      const settle = house.quota.settle.bind(house.quota);
      let copies = 0;
      house.quota.settle = (holder, given, eventId) => {
        copies += 1;
        const again = given.map((one) => ({ ...one, requestId: `${one.requestId}+rest` }));
        settle(holder, again, `${eventId} ${copies}`);
        return settle(holder, given, eventId);
      };
    },
  },
  {
    rule: "5 events have one effect",
    what: "a consumer that does not know what it has had",
    family: "messages",
    spoil: (house) => {
      house.inbox.has = () => false;
    },
  },
  {
    rule: "6 limits hold",
    what: "a shared count that lets everything pass",
    family: "limits",
    faults: [],
    spoil: (house) => {
      house.hotStore.letsAllPass = true;
    },
  },
  {
    rule: "7 revoked stays revoked",
    what: "a feed that never tells",
    family: "revocation",
    faults: [],
    spoil: (house) => {
      Object.defineProperty(house.auth, "sequence", { get: () => 0n });
      house.auth.revocations.push = () => 0;
    },
  },
  {
    rule: "8 no admin effect without its record",
    what: "a revocation without its record",
    family: "revocation",
    faults: [],
    spoil: (house) => {
      house.history.audit.push = () => 0;
    },
  },
  {
    rule: "9 degradation is marked",
    what: "answers without their marks",
    family: "stores",
    faults: [{ kind: "auth away", target: "all", atMs: 500, forMs: 12_000 }],
    spoil: (house) => {
      const fields = (given: Fields): Fields =>
        new Fields([...given.entries()].filter(([name]) => name !== "x-tandem-degraded"));
      house.network.tampering.set("client-1", { fields });
    },
  },
  {
    rule: "10 it comes back",
    what: "a process that nobody starts again",
    family: "kills",
    faults: [kill("ai-2", 1_000), kill("router-1", 1_000)],
    spoil: (house) => {
      const start = house.startProcess.bind(house);
      house.startProcess = (name) => {
        if (house.nowMs < 1_000) start(name);
      };
    },
  },
];

test("every rule has a spoilt part that it has to find", () => {
  const tried = new Set(spoilt.map(({ rule }) => rule));
  assert.deepEqual(
    rules.map(({ name }) => name),
    rules.map(({ name }) => name).filter((name) => tried.has(name)),
  );
});

for (const { rule, what, family, faults, spoil } of spoilt) {
  test(`rule ${rule} finds ${what}`, async () => {
    const scenario = familyNamed(family);
    const given = faults === undefined ? {} : { faults };
    const found: string[] = [];
    // What is spoilt may not matter in every run; in three of them it does.
    for (let seed = 1; seed <= 3 && !found.includes(rule); seed += 1) {
      const run = await runSeed(scenario, seed, { ...given, spoil });
      found.push(...run.violations.map((violation) => violation.rule));
      const sound = await runSeed(scenario, seed, given);
      assert.deepEqual(sound.violations, [], `without it seed ${seed} breaks a rule`);
    }
    assert.ok(found.includes(rule), `found ${found.join(", ") || "nothing"}`);
  });
}
