/** What is wrong, and what was: by the management API. */
import { z } from "zod";
import type { Command, Context } from "../command.ts";
import { CommandError, exitCodes } from "../exit-codes.ts";
import { table } from "../output/table.ts";

const incidentSchema = z.looseObject({
  id: z.string(),
  alert: z.string(),
  subject: z.string(),
  severity: z.string(),
  reason: z.string(),
  opened_at: z.string().nullable(),
  closed_at: z.string().nullable(),
  runbook: z.string(),
});

const alertsSchema = z.looseObject({ data: z.array(incidentSchema) });
const incidentsSchema = z.looseObject({ data: z.array(incidentSchema) });

/**
 * By the public door, else by the supervisor's: who is let in cannot be known while what knows it
 * is away, and that is when alerts matter.
 */
export async function findAlerts({
  api,
  control,
}: Pick<Context, "api" | "control">): Promise<z.output<typeof alertsSchema> | undefined> {
  const byApi = alertsSchema.safeParse(await api.peek("/alerts")).data;
  if (byApi !== undefined) return byApi;
  const byControl = await control.alerts().catch(() => undefined);
  return alertsSchema.safeParse(byControl).data;
}

const alerts: Command = {
  name: "alerts",
  usage: "[--check]",
  summary:
    "What is wrong now, with its runbook; with --check the exit code is 8 unless nothing is.",
  words: [0, 0],
  options: { check: { type: "boolean" } },
  run: async (context) => {
    const { options } = context;
    const data = await findAlerts(context);
    if (data === undefined) {
      throw new CommandError(exitCodes.unreachable, "Nobody says what is wrong.", {
        remedy: "Is it running, and is the key an operator's? See: tandem doctor",
      });
    }
    const rows = data.data.map(
      ({ severity, alert, subject, opened_at: since, reason, runbook }) => [
        ...[severity, alert, subject, since ?? "", reason, runbook],
      ],
    );
    const header = ["SEVERITY", "ALERT", "SUBJECT", "SINCE", "REASON", "RUNBOOK"];
    const text = rows.length === 0 ? "nothing is wrong" : table(header, rows);
    const isFine = rows.length === 0 || options["check"] !== true;
    return { data, text, exitCode: isFine ? exitCodes.ok : exitCodes.checksFailed };
  },
};

const incidents: Command = {
  name: "incidents",
  usage: "[--alert NAME] [--limit N]",
  summary: "What was wrong, newest first, from when until when.",
  words: [0, 0],
  options: { alert: { type: "string" }, limit: { type: "string" } },
  run: async ({ api, options }) => {
    const query = new URLSearchParams({ limit: String(options["limit"] ?? 50) });
    if (typeof options["alert"] === "string") query.set("alert", options["alert"]);
    const data = incidentsSchema.parse(await api.call("GET", `/incidents?${query}`));
    const rows = data.data.map((one) => [
      ...[one.opened_at ?? "", one.closed_at ?? "open", one.severity, one.alert],
      ...[one.subject, one.reason],
    ]);
    const header = ["OPENED", "CLOSED", "SEVERITY", "ALERT", "SUBJECT", "REASON"];
    return { data, text: rows.length === 0 ? "nothing was wrong" : table(header, rows) };
  },
};

export const alertCommands: readonly Command[] = [alerts, incidents];
