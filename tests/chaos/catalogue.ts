/**
 * The catalogue of faults, F01 to F54: which strikes the living product, and what proves the rest.
 * Behind them what two goals need beside faults.
 */
import type { LiveFault } from "./fault.ts";
import { everything, startedWithoutStores } from "./faults/composite.ts";
import { blocked, frozen } from "./faults/frozen.ts";
import {
  allRoutersKilled,
  gatewaysKilled,
  routersKilled,
  servicesKilled,
  supervisorKilled,
} from "./faults/kills.ts";
import { neighbour } from "./faults/neighbour.ts";
import {
  allReset,
  answersLost,
  clogged,
  lossy,
  partition,
  primariesDead,
  slowLink,
  thinLink,
  upstreamsGone,
} from "./faults/network.ts";
import { sameQuestion, settingsSpoilt, wrongButWell } from "./faults/nonsense.ts";
import { overload, processorOverload, retryStorm } from "./faults/overload.ts";
import {
  clockWrong,
  descriptorsShort,
  diskFull,
  memoryFull,
  processorShort,
} from "./faults/resources.ts";
import { keysRotated } from "./faults/rotations.ts";
import { soak } from "./faults/soak.ts";
import {
  databaseFlapping,
  databaseGone,
  databaseKilled,
  databaseSlow,
  hotStoreGone,
  hotStoreKilled,
} from "./faults/stores.ts";
import { schemaChanged } from "./faults/upgrades.ts";
import type { Proof } from "./proofs.ts";

export interface Entry {
  readonly id: string;
  readonly what: string;
  readonly live?: LiveFault;
  /** Proven here by tests of their own; beside the living fault, where there is one. */
  readonly proofs?: readonly Proof[];
}

const live = (fault: LiveFault, ...proofs: readonly Proof[]): Entry => ({
  ...{ id: fault.id, what: fault.what, live: fault },
  ...(proofs.length > 0 && { proofs }),
});

const proven = (id: string, what: string, ...proofs: readonly Proof[]): Entry => ({
  ...{ id, what, proofs },
});

const streams = "gateways/ai/gateway-streams.test.ts";
const failover = "gateways/ai/core/failover/failover.test.ts";

export const catalogue: readonly Entry[] = [
  live(gatewaysKilled),
  live(servicesKilled),
  live(routersKilled),
  live(allRoutersKilled),
  live(supervisorKilled, { file: "supervisor/adoption.test.ts" }),
  proven(
    "F06",
    "both replicas of a service killed: the fallback answers, marked",
    ...[{ file: "tests/chaos/orders-killed.test.ts", tests: /both replicas/ }],
    ...[{ file: "tests/chaos/service-outage.test.ts" }],
  ),
  live(databaseKilled),
  live(hotStoreKilled),
  live(databaseGone, { file: "gateways/ai/gateway-outages.test.ts" }),
  live(databaseFlapping),
  live(hotStoreGone),
  live(databaseSlow),
  live(frozen),
  live(blocked, { file: "supervisor/supervisor.test.ts", tests: /event loop is stuck/ }),
  live(memoryFull),
  live(processorShort),
  live(descriptorsShort),
  live(diskFull, {
    ...{ file: "libs/store/journal/journal.test.ts", tests: /full disk|E[A-Z]+ on|fsync/ },
  }),
  live(clockWrong),
  live(partition),
  live(answersLost),
  live(allReset),
  live(lossy),
  live(slowLink),
  live(thinLink),
  live(clogged),
  live(
    primariesDead,
    ...[{ file: "gateways/ai/gateway-failover.test.ts" }],
    ...[{ file: failover, tests: /dead/ }],
  ),
  proven("F27", "the primary flaps", { file: failover, tests: /flapping|relapse/ }),
  proven("F28", "errors, processor, memory and latency just below and above their limits", {
    ...{ file: failover, tests: /just below|proven|spills|memory that is full/ },
  }),
  proven("F29", "both sides half dead", { file: failover, tests: /both sides unwell/ }),
  live(upstreamsGone),
  live(retryStorm),
  live(overload),
  live(processorOverload),
  proven("F33", "an upstream's stream cut at every byte, in six ways", {
    file: "gateways/ai/core/splice/every-byte.test.ts",
  }),
  proven("F34", "an upstream stalls in the middle", {
    ...{ file: streams, tests: /one whole answer/ },
  }),
  proven("F35", "cut in the arguments of a tool call", {
    file: streams,
    tests: /half a tool call/,
  }),
  proven(
    "F36",
    "cut in JSON mode",
    ...[{ file: streams, tests: /JSON is not gone on with/ }],
    ...[{ file: "gateways/ai/core/splice/continuation-reader.test.ts", tests: /JSON/ }],
  ),
  proven(
    "F37",
    "a resumed stream breaks again, and a third time",
    ...[{ file: streams, tests: /second break|third break/ }],
    ...[{ file: "gateways/ai/core/splice/splice-tally.test.ts" }],
  ),
  proven("F38", "the target of a continuation refuses prefixes", {
    ...{ file: streams, tests: /refuses a prefix/ },
  }),
  proven(
    "F39",
    "the client leaves in the middle",
    ...[
      { file: "gateways/ai/gateway-upstreams.test.ts", tests: /cancelled|before the first word/ },
    ],
    ...[{ file: streams, tests: /client that leaves/ }],
  ),
  proven("F40", "the client comes back with its last event's number", {
    ...{ file: "gateways/ai/resume/resume-edge.test.ts", tests: /broken connection|any event on/ },
  }),
  proven(
    "F41",
    "the client reads slowly",
    ...[{ file: "router/router.test.ts", tests: /does not read/ }],
    ...[{ file: "tests/integration/websocket.test.ts", tests: /does not read/ }],
  ),
  proven("F42", "rolling upgrades, one after the other", { file: "tests/chaos/upgrade.test.ts" }),
  live(
    schemaChanged,
    ...[{ file: "libs/store/database/migrate.test.ts" }],
    ...[{ file: "supervisor/rollout.test.ts" }],
  ),
  live(wrongButWell, { file: "supervisor/rollout.test.ts", tests: /rolled back/ }),
  proven(
    "F45",
    "many reservations at once against a balance for few",
    ...[{ file: "gateways/ai/gateway-money.test.ts", tests: /overspent|adds up/ }],
    ...[{ file: "services/quota/store/leases.test.ts" }],
  ),
  proven(
    "F46",
    "internal messages doubled and reordered",
    ...[{ file: "services/quota/core/simulation.test.ts" }],
    ...[{ file: "libs/store/outbox/outbox.test.ts", tests: /happens once|each event/ }],
  ),
  proven("F47", "crash at every step of reserve, call, journal, settle, outbox", {
    file: "services/quota/store/crash.test.ts",
  }),
  proven("F48", "many calls at once with one idempotency key", {
    file: "libs/gateway/rest/rest-repetition.test.ts",
  }),
  live(sameQuestion, { file: "gateways/ai/gateway.test.ts", tests: /many want|next one ask/ }),
  proven("F50", "a key revoked while notifications are cut off", {
    file: "tests/integration/revocation-speed.test.ts",
  }),
  live(settingsSpoilt, {
    ...{ file: "services/models/operations/models.test.ts", tests: /changed file/ },
  }),
  live(
    keysRotated,
    ...[{ file: "supervisor/rotate-keys.test.ts" }],
    ...[{ file: "libs/http/http.test.ts", tests: /certificate renewed/ }],
  ),
  live(startedWithoutStores),
  live(everything),
  live(neighbour),
  live(soak),
];
