import { z } from "zod";
import type { Command } from "../command.ts";
import { CommandError, exitCodes } from "../exit-codes.ts";
import { fields, table } from "../output/table.ts";

const money = z.looseObject({ amount: z.string(), currency: z.string() });
const subject = {
  id: z.string(),
  project_id: z.string().nullable(),
  user_id: z.string().nullable(),
  key_id: z.string().nullable(),
  model: z.string().nullable(),
  set_by: z.string(),
};
const limitSchema = z.looseObject({
  ...subject,
  kind: z.string(),
  in_force: z.number(),
  window_seconds: z.number(),
});
const budgetSchema = z.looseObject({
  ...subject,
  in_force: money,
  period: z.string(),
  mode: z.string(),
});
const loadsSchema = z.looseObject({
  data: z.array(
    z.looseObject({
      organisation_id: z.string(),
      limit: limitSchema.nullable(),
      budget: budgetSchema.nullable(),
      used_percent: z.number(),
      resets_at: z.string().nullable(),
    }),
  ),
});

type Load = z.output<typeof loadsSchema>["data"][number];

function whatOf({ limit, budget }: Load): string {
  if (limit !== null) {
    const { kind, in_force: amount, window_seconds: seconds } = limit;
    return seconds === 0 ? `${amount} ${kind}` : `${amount} ${kind} / ${seconds} s`;
  }
  if (budget === null) return "";
  const { in_force: amount, period, mode } = budget;
  return `${amount.amount} ${amount.currency} / ${period}${mode === "soft" ? " (soft)" : ""}`;
}

function whoseOf({ organisation_id: organisation, limit, budget }: Load): string {
  const { project_id, user_id, key_id, model } = limit ?? budget ?? {};
  const parts = [project_id, user_id, key_id, model].filter((part) => typeof part === "string");
  return parts.length === 0 ? organisation : parts.join(" ");
}

const usage: Command = {
  name: "limits usage",
  usage: "[--near PERCENT] [--all]",
  summary: "Who is near a limit or budget, the fullest first; --all: of every organisation.",
  words: [0, 0],
  options: { near: { type: "string" }, all: { type: "boolean" } },
  run: async ({ api, options, remark }) => {
    const { near, all } = options;
    const place = all === true ? "/platform/limits/usage" : "/limits/usage";
    const query = typeof near === "string" ? `&near=${encodeURIComponent(near)}` : "";
    const data = loadsSchema.parse(await api.call("GET", `${place}?limit=200${query}`));
    const rows = data.data.map((load) => [
      ...[`${load.used_percent} %`, whatOf(load), whoseOf(load)],
      ...[(load.limit ?? load.budget)?.set_by ?? "", load.resets_at ?? ""],
      (load.limit ?? load.budget)?.id ?? "",
    ]);
    if (rows.length === 0) remark("  nobody is");
    const header = ["USED", "OF", "WHOSE", "SET BY", "WHOLE AGAIN", "ID"];
    return { data, text: rows.length === 0 ? "none" : table(header, rows) };
  },
};

/** Where the limit or budget with this id is; of another organisation what the platform has set. */
function placeOf(id: string, organisation: unknown): string {
  const kind = /^(lim|bdg)_/.exec(id)?.[1];
  if (kind === undefined) {
    throw new CommandError(exitCodes.wrongUsage, `${id} is no id of a limit or budget.`, {
      remedy: "See: tandem limits usage",
    });
  }
  const prefix =
    typeof organisation === "string"
      ? `/platform/organisations/${encodeURIComponent(organisation)}`
      : "";
  return `${prefix}/${kind === "lim" ? "limits" : "budgets"}/${encodeURIComponent(id)}/raise`;
}

const raised = z.record(z.string(), z.unknown());

const raise: Command = {
  name: "limits raise",
  usage: "ID AMOUNT --until TIME [--reason TEXT] [--organisation ID]",
  summary:
    "Lets more through until a time; with --organisation of what the platform has set there.",
  words: [2, 2],
  options: {
    until: { type: "string" },
    reason: { type: "string" },
    organisation: { type: "string" },
  },
  run: async ({ api, words: [id = "", amount = ""], options }) => {
    const { until, reason, organisation } = options;
    const data = raised.parse(
      await api.call("PUT", placeOf(id, organisation), {
        // Of a budget it is money, which is text.
        amount: id.startsWith("bdg_") ? amount : Number(amount),
        until,
        ...(typeof reason === "string" && { reason }),
      }),
    );
    return { data, text: fields(data) };
  },
};

const unraise: Command = {
  name: "limits end-raise",
  usage: "ID [--organisation ID]",
  summary: "Ends a raise before its time.",
  words: [1, 1],
  options: { organisation: { type: "string" } },
  run: async ({ api, words: [id = ""], options }) => {
    const data = raised.parse(await api.call("DELETE", placeOf(id, options["organisation"])));
    return { data, text: fields(data) };
  },
};

export const limitCommands: readonly Command[] = [usage, raise, unraise];
