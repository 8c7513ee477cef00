/**
 * What is worth waking or telling somebody for: few rules, each with something to do about it
 * (docs/runbooks/). A rule is a pure function from what is known to what is wrong; how long it must
 * be wrong, and well again, is kept by `AlertBook`.
 */
import type { AlertRule } from "./alert-rule.ts";
import { errorBurn, lateAnswers } from "./burn-rules.ts";
import { figuresOf, grouped, raised } from "./figures-of.ts";
import { certificateEnding, diskLow, memoryHigh } from "./room-rules.ts";

const second = 1_000;
const restartsMin = 3;
const oldestEventSeconds = 60;
const feedLateSeconds = 5;

const ofReplicas: readonly AlertRule[] = [
  {
    id: "service-down",
    severity: "critical",
    summary: "No replica of a service or gateway is ready; its fallback answers.",
    openAfterMs: 3 * second,
    closeAfterMs: 10 * second,
    find: ({ replicas }) => {
      const alive = new Set(replicas.filter(({ isReady }) => isReady).map((one) => one.deployable));
      const gone = replicas.filter(({ deployable }) => !alive.has(deployable));
      return grouped(
        gone,
        ({ deployable }) => deployable,
        (group) => group.map(({ id, note }) => `${id} is ${note}`).join(", "),
      );
    },
  },
  {
    id: "replica-missing",
    severity: "warning",
    summary: "A replica is not ready; its twin carries everything.",
    openAfterMs: 20 * second,
    closeAfterMs: 20 * second,
    find: ({ replicas }) => {
      const alive = new Set(replicas.filter(({ isReady }) => isReady).map((one) => one.deployable));
      return replicas
        .filter(({ isReady, deployable }) => !isReady && alive.has(deployable))
        .map(({ id, note }) => ({ subject: id, reason: `${id} is ${note}` }));
    },
  },
  {
    id: "replica-restarting",
    severity: "warning",
    summary: "A replica dies again and again.",
    openAfterMs: 0,
    closeAfterMs: 30 * second,
    find: ({ restarts }) =>
      [...restarts]
        .filter(([, count]) => count >= restartsMin)
        .map(([id, count]) => ({ subject: id, reason: `${count} unplanned starts in 10 minutes` })),
  },
];

const ofStores: readonly AlertRule[] = [
  {
    id: "database-unreachable",
    severity: "critical",
    summary: "Services do not reach PostgreSQL.",
    openAfterMs: 3 * second,
    closeAfterMs: 15 * second,
    find: (view) => {
      const away = figuresOf(view, "tandem_database_reachable").filter(({ value }) => value === 0);
      return grouped(
        away,
        () => "postgresql",
        (all) => {
          const services = new Set(all.map(({ labels }) => labels["service"] ?? ""));
          return `not reached by ${[...services].sort().join(", ")}`;
        },
      );
    },
  },
  {
    id: "hot-store-unreachable",
    severity: "critical",
    summary: "Replicas do not reach the hot store (Redis).",
    openAfterMs: 3 * second,
    closeAfterMs: 15 * second,
    find: (view) => {
      const away = figuresOf(view, "tandem_hot_store_reachable").filter(({ value }) => value === 0);
      return grouped(
        away,
        () => "hot store",
        (all) => {
          const replicas = new Set(all.map(({ labels }) => labels["replica"] ?? ""));
          return `not reached by ${[...replicas].sort().join(", ")}`;
        },
      );
    },
  },
  {
    id: "ledger-drift",
    severity: "critical",
    summary: "The accounts of the ledger do not sum up to 0.",
    openAfterMs: 0,
    closeAfterMs: 60 * second,
    find: (view) =>
      raised(view, "tandem_ledger_drift_nanos", {
        subject: () => "ledger",
        isRaised: ({ value }) => value !== 0,
        reason: ({ value }) => `all accounts together hold ${value} nanos`,
      }),
  },
  {
    id: "journal-failing",
    severity: "critical",
    summary: "The disk refuses what must not be lost.",
    openAfterMs: 0,
    closeAfterMs: 15 * second,
    find: (view) =>
      raised(view, "tandem_journal_failing", {
        subject: ({ labels }) => `${labels["replica"]} ${labels["journal"]}`,
        isRaised: ({ value }) => value === 1,
        reason: ({ labels }) => `${labels["replica"]} cannot write its ${labels["journal"]}`,
      }),
  },
  diskLow,
  {
    id: "events-waiting",
    severity: "warning",
    summary: "Events wait for a service that does not take them.",
    openAfterMs: 15 * second,
    closeAfterMs: 30 * second,
    find: (view) =>
      raised(view, "tandem_events_oldest_seconds", {
        subject: ({ labels }) => labels["service"] ?? "",
        isRaised: ({ value }) => value > oldestEventSeconds,
        reason: ({ value }) => `the oldest one waits for ${Math.round(value)} s`,
      }),
  },
  {
    id: "dead-letters",
    severity: "warning",
    summary: "Events were given up after ten tries.",
    openAfterMs: 0,
    closeAfterMs: 15 * second,
    find: (view) =>
      raised(view, "tandem_events_parked", {
        subject: ({ labels }) => labels["service"] ?? "",
        isRaised: ({ value }) => value > 0,
        reason: ({ value }) => `${value} events are parked`,
      }),
  },
];

const ofUpstreams: readonly AlertRule[] = [
  {
    id: "upstream-unavailable",
    severity: "warning",
    summary: "A model server or provider is not called, since it does not answer.",
    openAfterMs: 10 * second,
    closeAfterMs: 20 * second,
    find: (view) =>
      raised(view, "tandem_upstream_available", {
        subject: ({ labels }) => labels["upstream"] ?? "",
        isRaised: ({ value }) => value === 0,
        reason: ({ source }) => `${source} does not call it`,
      }),
  },
  {
    id: "standby-in-use",
    severity: "warning",
    summary: "Requests go to the standby, which may cost more.",
    openAfterMs: 0,
    closeAfterMs: 20 * second,
    find: (view) =>
      raised(view, "tandem_failover_standby_share", {
        subject: ({ labels }) => labels["group"] ?? "",
        isRaised: ({ value }) => value > 0,
        reason: ({ value, source }) => `${source} sends ${Math.round(value * 100)} % there`,
      }),
  },
  {
    id: "failover-stuck",
    severity: "critical",
    summary: "Both sides are unwell, or a group has used up its changes of sides.",
    openAfterMs: 0,
    closeAfterMs: 30 * second,
    find: (view) =>
      raised(view, "tandem_failover_alarm", {
        subject: ({ labels }) => labels["group"] ?? "",
        isRaised: ({ value }) => value === 1,
        reason: ({ source }) => `${source} sees no side to move to`,
      }),
  },
];

const ofService: readonly AlertRule[] = [
  errorBurn,
  lateAnswers,
  {
    id: "feed-late",
    severity: "critical",
    summary: "A replica does not hear of revocations, models or upstreams.",
    openAfterMs: 3 * second,
    closeAfterMs: 15 * second,
    find: (view) =>
      raised(view, "tandem_feed_late_seconds", {
        subject: ({ labels }) => labels["feed"] ?? "",
        isRaised: ({ value }) => value > feedLateSeconds,
        reason: ({ labels, value }) => `${labels["replica"]} is ${Math.round(value)} s behind`,
      }),
  },
  {
    id: "configuration-refused",
    severity: "warning",
    summary: "A new state of models, upstreams or rules makes no sense; an older one is served.",
    openAfterMs: 0,
    closeAfterMs: 15 * second,
    find: (view) =>
      raised(view, "tandem_feed_refused", {
        subject: ({ labels }) => labels["feed"] ?? "",
        isRaised: ({ value }) => value === 1,
        reason: ({ labels }) => `${labels["replica"]} keeps the last good one`,
      }),
  },
  {
    id: "upgrade-rolled-back",
    severity: "warning",
    summary: "The last upgrade did not stand its test and was undone.",
    openAfterMs: 0,
    closeAfterMs: 15 * second,
    find: (view) =>
      raised(view, "tandem_upgrade_rolled_back", {
        subject: () => "upgrade",
        isRaised: ({ value }) => value === 1,
        reason: ({ labels }) => labels["why"] ?? "",
      }),
  },
  memoryHigh,
  certificateEnding,
];

/** Most urgent first, as lists show them. */
export const alertRules: readonly AlertRule[] = [
  ...ofReplicas,
  ...ofStores,
  ...ofUpstreams,
  ...ofService,
];
