import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { alertRules } from "./alert-rules.ts";
import type { AlertView, ReplicaFacts, ToldFigure } from "./alert-view.ts";
import { BurnWindow } from "./burn-window.ts";
import { RestartCounter } from "./restarts.ts";

const runbooks = join(import.meta.dirname, "../../../../docs/runbooks");

const healthy: AlertView = {
  nowMs: 1_795_000_000_000,
  replicas: ["auth-1", "auth-2", "ai-1", "ai-2"].map((id) => replica(id, true)),
  restarts: new Map([["ai-1", 2]]),
  figures: [
    figure("tandem_database_reachable", 1, { service: "auth" }),
    figure("tandem_hot_store_reachable", 1, { replica: "ai-1" }),
    figure("tandem_ledger_drift_nanos", 0),
    figure("tandem_journal_failing", 0, { replica: "ai-1", journal: "settlements" }),
    figure("tandem_disk_free_ratio", 0.12),
    figure("tandem_events_oldest_seconds", 59, { service: "quota" }),
    figure("tandem_events_parked", 0, { service: "quota" }),
    figure("tandem_upstream_available", 1, { upstream: "vllm-1" }),
    figure("tandem_failover_standby_share", 0, { group: "vllm-1" }),
    figure("tandem_failover_alarm", 0, { group: "vllm-1" }),
    figure("tandem_feed_late_seconds", 4.9, { feed: "revocations", replica: "ai-1" }),
    figure("tandem_feed_refused", 0, { feed: "catalogue", replica: "ai-1" }),
    figure("tandem_upgrade_rolled_back", 0, { why: "it died" }),
    figure("tandem_process_heap_used_ratio", 0.84),
    figure("tandem_machine_memory_used_ratio", 0.84),
    figure("tandem_certificate_end_timestamp_seconds", 1_795_000_000 + 14.5 * 86_400),
  ],
  errorsFast: [
    { subject: "ai", short: { total: 2_000, bad: 9 }, long: { total: 9_000, bad: 130 } },
  ],
  errorsSlow: [],
  lateFast: [{ subject: "ai", short: { total: 10, bad: 4 }, long: { total: 10, bad: 4 } }],
  isOpen: () => false,
};

function replica(id: string, isReady: boolean): ReplicaFacts {
  const deployable = id.split("-")[0] ?? "";
  return { id, deployable, isReady, note: isReady ? "ready" : "silent" };
}

function figure(
  name: string,
  value: number,
  labels: Readonly<Record<string, string>> = {},
): ToldFigure {
  return { source: "ai-1 77", name, labels, value };
}

/** The view with one figure over its limit. */
function withFigure(name: string, value: number): Partial<AlertView> {
  const figures = healthy.figures.map((one) => (one.name === name ? { ...one, value } : one));
  return { figures };
}

/** What makes each rule see something, and about what. */
const cases: Readonly<Record<string, readonly [Partial<AlertView>, subject: string]>> = {
  "service-down": [{ replicas: [replica("auth-1", false), replica("auth-2", false)] }, "auth"],
  "replica-missing": [{ replicas: [replica("auth-1", true), replica("auth-2", false)] }, "auth-2"],
  "replica-restarting": [{ restarts: new Map([["ai-1", 3]]) }, "ai-1"],
  "database-unreachable": [withFigure("tandem_database_reachable", 0), "postgresql"],
  "hot-store-unreachable": [withFigure("tandem_hot_store_reachable", 0), "hot store"],
  "ledger-drift": [withFigure("tandem_ledger_drift_nanos", -1), "ledger"],
  "journal-failing": [withFigure("tandem_journal_failing", 1), "ai-1 settlements"],
  "disk-low": [withFigure("tandem_disk_free_ratio", 0.09), "data directory"],
  "events-waiting": [withFigure("tandem_events_oldest_seconds", 61), "quota"],
  "dead-letters": [withFigure("tandem_events_parked", 1), "quota"],
  "upstream-unavailable": [withFigure("tandem_upstream_available", 0), "vllm-1"],
  "standby-in-use": [withFigure("tandem_failover_standby_share", 0.05), "vllm-1"],
  "failover-stuck": [withFigure("tandem_failover_alarm", 1), "vllm-1"],
  "error-budget-burn": [
    {
      errorsFast: [
        { subject: "ai", short: { total: 100, bad: 10 }, long: { total: 600, bad: 10 } },
      ],
    },
    "ai",
  ],
  "answers-slow": [
    { lateFast: [{ subject: "ai", short: { total: 50, bad: 5 }, long: { total: 80, bad: 5 } }] },
    "ai",
  ],
  "feed-late": [withFigure("tandem_feed_late_seconds", 5.1), "revocations"],
  "configuration-refused": [withFigure("tandem_feed_refused", 1), "catalogue"],
  "upgrade-rolled-back": [withFigure("tandem_upgrade_rolled_back", 1), "upgrade"],
  "memory-high": [withFigure("tandem_process_heap_used_ratio", 0.86), "ai-1 77"],
  "certificate-ending": [
    withFigure("tandem_certificate_end_timestamp_seconds", 1_795_000_000 + 13 * 86_400),
    "public door",
  ],
};

test("nothing is seen on a healthy platform, however near to its limits", () => {
  for (const rule of alertRules) assert.deepEqual(rule.find(healthy), [], rule.id);
});

test("every rule sees its own fault, says about what, and no other rule does", () => {
  assert.deepEqual(Object.keys(cases).sort(), alertRules.map(({ id }) => id).sort());
  for (const [id, [fault, subject]] of Object.entries(cases)) {
    const view = { ...healthy, ...fault };
    const seen = alertRules.flatMap((rule) =>
      rule.find(view).map((condition) => [rule.id, condition.subject]),
    );
    assert.deepEqual(seen, [[id, subject]]);
  }
});

test("an alert about a level closes at a better level than it opens at", () => {
  const isOpen = (): boolean => true;
  const seen = alertRules.flatMap((rule) => rule.find({ ...healthy, isOpen }).map(() => rule.id));
  assert.deepEqual(seen.sort(), ["certificate-ending", "disk-low", "memory-high", "memory-high"]);
});

test("no alert closes sooner than it would open again after a restart of monitoring", () => {
  for (const { id, openAfterMs, closeAfterMs } of alertRules) {
    assert.ok(closeAfterMs >= openAfterMs && closeAfterMs >= 10_000, id);
  }
});

test("each alert has a runbook that says what to do, and each runbook an alert", () => {
  const names = readdirSync(runbooks).map((name) => name.replace(/\.md$/, ""));
  assert.deepEqual(names.sort(), alertRules.map(({ id }) => id).sort());
  for (const name of names) {
    const text = readFileSync(join(runbooks, `${name}.md`), "utf8");
    assert.ok(text.startsWith(`# ${name}\n`), name);
    const headings = [...text.matchAll(/^## (.*)$/gm)].map(([, heading]) => heading);
    assert.deepEqual(
      headings,
      ["What users notice", "What to do", "How to see that it is over"],
      name,
    );
  }
});

test("counters of processes that come, die and come back add up to what happened in a window", () => {
  const window = new BurnWindow();
  const add = (atMs: number, pairs: readonly (readonly [string, number, number])[]): void =>
    window.add(
      pairs.map(([source, total, bad]) => ({ source, total, bad })),
      atMs,
    );
  add(0, [["router-1 7", 1_000, 50]]);
  assert.deepEqual(window.since(300_000, 0), { total: 0, bad: 0 });
  add(10_000, [["router-1 7", 1_100, 60]]);
  add(20_000, [["router-1 7", 40, 1]]);
  assert.deepEqual(window.since(300_000, 20_000), { total: 140, bad: 11 });
  for (let atMs = 30_000; atMs <= 400_000; atMs += 5_000) add(atMs, [["router-1 7", 40, 1]]);
  assert.deepEqual(window.since(300_000, 400_000), { total: 0, bad: 0 });
  assert.deepEqual(window.since(3_600_000, 400_000), { total: 140, bad: 11 });
});

test("a start counts when the life before ended without a word, and not after a planned end", () => {
  const counter = new RestartCounter();
  const hear = (startedAtMs: number, nowMs: number, isDraining = false): void =>
    counter.hear({ replicaId: "ai-1", startedAtMs, isDraining }, nowMs);
  hear(1, 1_000);
  hear(2, 2_000);
  hear(2, 3_000, true);
  hear(3, 4_000);
  // The one before is still leaving.
  hear(2, 5_000, true);
  hear(3, 6_000);
  assert.deepEqual([...counter.recent(6_000)], [["ai-1", 1]]);
  assert.deepEqual([...counter.recent(700_000)], []);
});
