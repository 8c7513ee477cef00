/** What is wrong now, what was, and what to do about it. */
import type { Incident } from "@tandem/contracts/rpc/monitoring/v1/monitoring_pb";
import { pageOf, pageQueryWith, pageReply, timeField, timeOf } from "@tandem/libs/gateway";
import { z } from "zod";
import { asCaller, route } from "./services.ts";

const incident = z
  .object({
    id: z.string(),
    alert: z.string().meta({ examples: ["service-down"] }),
    subject: z.string().meta({ description: "What it is about: a replica, a store, an upstream." }),
    severity: z.string().meta({ description: "critical or warning." }),
    reason: z.string(),
    opened_at: timeField.nullable(),
    last_seen_at: timeField.nullable(),
    closed_at: timeField.nullable().meta({ description: "Null while it lasts." }),
    close_reason: z.string(),
    runbook: z.string().meta({ description: "What to do, as a path in the repository." }),
  })
  .meta({ id: "Incident" });

const rule = z
  .object({
    alert: z.string(),
    severity: z.string(),
    summary: z.string(),
    runbook: z.string(),
    opens_after_ms: z.number(),
    closes_after_ms: z.number(),
  })
  .meta({ id: "AlertRule" });

const access = { permission: "topology:read" } as const;
const tag = "Platform";

export const alertRoutes = [
  route({
    method: "GET",
    path: "/api/v1/alerts",
    operationId: "listAlerts",
    summary: "List what is wrong with the platform now, and the rules by which that is judged.",
    tag,
    access,
    reply: z.object({ data: z.array(incident), rules: z.array(rule) }),
    async handle(call, { monitoring }) {
      const { open, rules } = await monitoring.listAlerts({}, asCaller(call));
      return {
        body: {
          data: open.map(incidentBody),
          rules: rules.map(({ openAfterMs, closeAfterMs, ...rest }) => ({
            ...rest,
            opens_after_ms: Number(openAfterMs),
            closes_after_ms: Number(closeAfterMs),
          })),
        },
      };
    },
  }),
  route({
    method: "GET",
    path: "/api/v1/incidents",
    operationId: "listIncidents",
    summary: "List alerts that were opened, newest first, with when and why they were closed.",
    tag,
    access,
    query: pageQueryWith({ alert: z.string().max(64).default("") }),
    reply: pageOf(incident),
    async handle(call, { monitoring }) {
      const { incidents, hasMore, isPartial } = await monitoring.listIncidents(
        call.query,
        asCaller(call),
      );
      const page = pageReply({
        items: incidents.map(incidentBody),
        hasMore,
        cursorOf: ({ id }) => id,
        target: call.target,
      });
      return isPartial ? { ...page, degraded: "incident-log-away" } : page;
    },
  }),
  route({
    method: "GET",
    path: "/api/v1/figures",
    operationId: "getFigures",
    summary: "Read what alerts are judged by, and the alerts, in Prometheus's text form.",
    tag,
    access,
    fileTypes: ["text/plain"],
    async handle(call, { monitoring }) {
      const { text } = await monitoring.exposeFigures({}, asCaller(call));
      return {
        file: {
          mediaType: "text/plain; version=0.0.4; charset=utf-8",
          name: "figures.txt",
          pieces: piecesOf(text),
        },
      };
    },
  }),
];

async function* piecesOf(text: string): AsyncGenerator<string> {
  yield text;
}

function incidentBody(message: Incident): z.input<typeof incident> {
  return {
    id: message.id,
    alert: message.alert,
    subject: message.subject,
    severity: message.severity,
    reason: message.reason,
    opened_at: timeOf(message.openedAtMs),
    last_seen_at: timeOf(message.lastSeenAtMs),
    closed_at: timeOf(message.closedAtMs),
    close_reason: message.closeReason,
    runbook: `docs/runbooks/${message.alert}.md`,
  };
}
