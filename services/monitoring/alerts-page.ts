import type { OwnPages } from "@tandem/libs/rpc";
import type { AlertWatch } from "./alert-watch.ts";

/**
 * Open alerts on the replica's own address, in the words of `GET /api/v1/alerts`: for whoever is on
 * this machine when neither the public door nor the services that know callers answer.
 */
export function alertsPage(watch: AlertWatch): OwnPages[string] {
  return {
    mediaType: "application/json",
    text: async () =>
      JSON.stringify({
        data: watch.open().map((incident) => ({
          id: incident.id,
          alert: incident.alert,
          subject: incident.subject,
          severity: incident.severity,
          reason: incident.reason,
          opened_at: new Date(incident.openedAtMs).toISOString(),
          last_seen_at: new Date(incident.lastSeenAtMs).toISOString(),
          closed_at: null,
          close_reason: "",
          runbook: `docs/runbooks/${incident.alert}.md`,
        })),
      }),
  };
}
