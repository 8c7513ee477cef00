/** What is only looked at: topology, models, money, requests. */
import { z } from "zod";
import type { Command } from "../command.ts";
import { exitCodes } from "../exit-codes.ts";
import { fields, table } from "../output/table.ts";

const anything = z.record(z.string(), z.unknown());

const topologySchema = z.looseObject({
  state: z.string(),
  sentence: z.string(),
  replicas: z.array(
    z.looseObject({
      id: z.string(),
      state: z.string(),
      cpu: z.number(),
      event_loop_delay_ms: z.number(),
      unready_checks: z.array(z.string()),
    }),
  ),
});

const topology: Command = {
  name: "topology",
  usage: "",
  summary: "Every replica as it last told, by the management API.",
  words: [0, 0],
  run: async ({ api }) => {
    const data = topologySchema.parse(await api.call("GET", "/topology"));
    const rows = data.replicas.map((replica) => [
      ...[replica.id, replica.state, `${Math.round(replica.cpu * 100)} %`],
      ...[`${Math.round(replica.event_loop_delay_ms)} ms`, replica.unready_checks.join(", ")],
    ]);
    const header = ["REPLICA", "STATE", "CPU", "LOOP DELAY", "UNREADY"];
    return { data, text: `${data.state}: ${data.sentence}\n${table(header, rows)}` };
  },
};

const modelsSchema = z.looseObject({
  data: z.array(z.looseObject({ id: z.string() })),
});

const models: Command = {
  name: "models list",
  usage: "",
  summary: "The models that this key may use.",
  words: [0, 0],
  run: async ({ api }) => {
    const answer = anything.parse(await api.call("GET", "/models"));
    const { data } = modelsSchema.safeParse(answer);
    const rows = (data?.data ?? []).map((model) => [model.id]);
    const text = data === undefined ? fields(answer) : table(["MODEL"], rows);
    return { data: answer, text };
  },
};

const wallet: Command = {
  name: "wallet",
  usage: "",
  summary: "The organisation's credit.",
  words: [0, 0],
  run: async ({ api }) => {
    const data = anything.parse(await api.call("GET", "/wallet"));
    return { data, text: fields(data) };
  },
};

const ledgerSchema = z.looseObject({
  ok: z.boolean(),
  sum_nanos: z.string(),
  problems: z.number(),
});

const verify: Command = {
  name: "ledger verify",
  usage: "",
  summary: "Recomputes every balance; the exit code is 8 unless all add up.",
  words: [0, 0],
  run: async ({ api }) => {
    const data = ledgerSchema.parse(await api.call("GET", "/ledger/verify"));
    const text = data.ok
      ? "ok: every balance follows from its transfers, and all sum up to 0"
      : `${data.problems} problems, sum ${data.sum_nanos} nanos: stop taking payments and look`;
    return { data, text, exitCode: data.ok ? exitCodes.ok : exitCodes.checksFailed };
  },
};

const phaseSchema = z.looseObject({
  name: z.string(),
  start_ms: z.number(),
  duration_ms: z.number(),
  outcome: z.string(),
  note: z.string(),
});

const requestSchema = z.looseObject({ phases: z.array(phaseSchema) });

const show: Command = {
  name: "requests show",
  usage: "ID",
  summary: "What became of a request, phase by phase; the id is any answer's x-request-id.",
  words: [1, 1],
  run: async ({ api, words }) => {
    const path = `/requests/${encodeURIComponent(words[0] ?? "")}`;
    const data = requestSchema.parse(await api.call("GET", path));
    const { phases, attempts: _attempts, ...rest } = data;
    const rows = phases.map((phase) => [
      ...[phase.name, phase.outcome, `${phase.start_ms} ms`, `${phase.duration_ms} ms`, phase.note],
    ]);
    const header = ["PHASE", "OUTCOME", "AT", "TOOK", "NOTE"];
    return { data, text: `${fields(rest)}\n\n${table(header, rows)}` };
  },
};

export const readCommands: readonly Command[] = [topology, models, wallet, verify, show];
