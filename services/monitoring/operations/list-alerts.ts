import type {
  Incident as IncidentMessage,
  ListAlertsResponse,
  ListIncidentsRequest,
  ListIncidentsResponse,
  AlertRule as RuleMessage,
} from "@tandem/contracts/rpc/monitoring/v1/monitoring_pb";
import type { MessageInit } from "@tandem/libs/rpc";
import { sleep, type World } from "@tandem/libs/world";
import type { AlertWatch } from "../alert-watch.ts";
import type { Incident } from "../core/alerts/alert-book.ts";
import { alertRules } from "../core/alerts/alert-rules.ts";
import { monitoringFaults } from "../faults.ts";
import type { IncidentLog, IncidentQuery } from "../store/incident-log.ts";

const limitDefault = 50;
const limitMax = 200;
const logPatienceMs = 1_000;

/** What is open now, and the rules. Needs nobody. */
export async function listAlerts(watch: AlertWatch): Promise<MessageInit<ListAlertsResponse>> {
  return { open: watch.open().map(toMessage), rules: alertRules.map(ruleToMessage) };
}

/** The log; while it is away, what this replica has seen itself, and says so. */
export async function listIncidents(
  parts: { readonly log: IncidentLog; readonly watch: AlertWatch; readonly world: World },
  { limit: wanted, after, alert }: ListIncidentsRequest,
): Promise<MessageInit<ListIncidentsResponse>> {
  const limit = Math.min(wanted === 0 ? limitDefault : wanted, limitMax);
  const query = { alert, after, limit: limit + 1 };
  let isPartial = false;
  const found = await Promise.race([parts.log.list(query), tooLate(parts.world)]).catch(() => {
    isPartial = true;
    return ownOf(parts.watch, query);
  });
  const hasMore = found.length > limit;
  return { incidents: found.slice(0, limit).map(toMessage), hasMore, isPartial };
}

/** An answer that is marked now is better than a whole one when the outage is over. */
async function tooLate(world: World): Promise<never> {
  await sleep(world, logPatienceMs);
  throw monitoringFaults.log_late();
}

function ownOf(watch: AlertWatch, { alert, after, limit }: IncidentQuery): readonly Incident[] {
  return watch
    .recent()
    .filter((one) => (alert === "" || one.alert === alert) && (after === "" || one.id < after))
    .slice(0, limit);
}

function toMessage(incident: Incident): MessageInit<IncidentMessage> {
  const { openedAtMs, lastSeenAtMs, closedAtMs, ...rest } = incident;
  return {
    ...rest,
    openedAtMs: BigInt(openedAtMs),
    lastSeenAtMs: BigInt(lastSeenAtMs),
    closedAtMs: BigInt(closedAtMs ?? 0),
  };
}

function ruleToMessage(rule: (typeof alertRules)[number]): MessageInit<RuleMessage> {
  const { id, severity, summary, openAfterMs, closeAfterMs } = rule;
  return {
    alert: id,
    ...{ severity, summary },
    runbook: `docs/runbooks/${id}.md`,
    openAfterMs: BigInt(openAfterMs),
    closeAfterMs: BigInt(closeAfterMs),
  };
}
