/** What runs on this machine, and how it is changed while it serves: by the control door. */
import type { Command, Context, Result } from "../command.ts";
import type { ControlEvent, SystemStatus } from "../connection/control-door.ts";
import { kindsOf } from "../core/kinds.ts";
import { exitCodes } from "../exit-codes.ts";
import { duration, table } from "../output/table.ts";
import { findAlerts } from "./alerts.ts";

const mebibyte = 1024 * 1024;

function statusText(status: SystemStatus): string {
  const rows = kindsOf(status.processes).map((kind) => [
    kind.name,
    `${kind.ready}/${kind.wanted}`,
    kind.hosts.join(" "),
    `${Math.round(kind.residentBytes / mebibyte)} MiB`,
    kind.deaths,
    kind.notes.join("; "),
  ]);
  const stores = status.stores.map(({ name, kind, pid }) => [
    name,
    "up",
    kind,
    "",
    "",
    pid === undefined ? "" : `pid ${pid}`,
  ]);
  const header = ["KIND", "READY", "HOSTS", "MEMORY", "DEATHS", "NOTE"];
  const ageMs = Math.max(0, ...status.processes.map((process) => process.ageMs));
  const grpc = status.grpcAddress === undefined ? "" : `   gRPC ${status.grpcAddress}`;
  const head = `${status.state}   ${status.url}${grpc}   up ${duration(ageMs)}`;
  return `${head}\n${table(header, [...rows, ...stores])}`;
}

type Alerts = NonNullable<Awaited<ReturnType<typeof findAlerts>>>["data"];

function alertsText(alerts: Alerts | undefined): string {
  if (alerts === undefined) return "alerts: not known, monitoring does not answer";
  if (alerts.length === 0) return "alerts: none";
  const lines = alerts.map(({ severity, alert, subject, reason, runbook }) => {
    return `  ${severity}  ${alert}  ${subject}: ${reason}  (${runbook})`;
  });
  return `alerts: ${alerts.length} open\n${lines.join("\n")}`;
}

const status: Command = {
  name: "status",
  usage: "[--check]",
  summary: "How everything is; with --check the exit code is 8 unless all is well.",
  words: [0, 0],
  options: { check: { type: "boolean" } },
  run: async ({ control, api, options }) => {
    const data = await control.status();
    const isWell = data.state === "ready";
    const exitCode = options["check"] === true && !isWell ? exitCodes.checksFailed : exitCodes.ok;
    // How processes are is known without the platform; what is wrong only with it.
    const alerts = (await findAlerts({ control, api }))?.data;
    return {
      data: { ...data, alerts: alerts ?? null },
      text: `${statusText(data)}\n${alertsText(alerts)}`,
      exitCode,
    };
  },
};

const processes: Command = {
  name: "processes",
  usage: "",
  summary: "Every process with its number, memory and release folder.",
  words: [0, 0],
  run: async ({ control }) => {
    const { processes: data } = await control.status();
    const rows = data.map((process) => [
      ...[process.name, process.isMember ? process.state : `${process.state} (not called)`],
      ...[process.pid ?? "–", `${Math.round((process.residentBytes ?? 0) / mebibyte)} MiB`],
      ...[duration(process.ageMs), process.sourceFolder],
    ]);
    return { data, text: table(["PROCESS", "STATE", "PID", "MEMORY", "AGE", "RELEASE"], rows) };
  },
};

/** Runs an operation that is told line by line. */
async function operate(context: Context, operation: string): Promise<Result> {
  const events: ControlEvent[] = [];
  await context.control.operate(operation, (line) => {
    events.push(line);
    const { event, time: _time, ...rest } = line;
    if (event === undefined || event === "done") return;
    const parts = Object.entries(rest).map(([name, value]) => `${name} ${String(value)}`);
    context.remark(`  ${event.replaceAll("_", " ")}  ${parts.join("  ")}`.trimEnd());
  });
  return { data: events, text: "" };
}

const upgrade: Command = {
  name: "upgrade",
  usage: "[--to DIR] [--steps 1,10,50|none] [--step-seconds N] [--requests N] [--wait]",
  summary: "Replaces every process while it serves; gateways and services are tried out.",
  words: [0, 0],
  options: {
    to: { type: "string" },
    steps: { type: "string" },
    "step-seconds": { type: "string" },
    "step-seconds-max": { type: "string" },
    requests: { type: "string" },
    wait: { type: "boolean" },
  },
  run: async (context) => {
    const query = new URLSearchParams();
    for (const name of ["to", "steps", "step-seconds", "step-seconds-max", "requests", "wait"]) {
      const value = context.options[name];
      if (value !== undefined) query.set(name.replaceAll("-", "_"), String(value));
    }
    return operate(context, `upgrade?${query}`);
  },
};

const scale: Command = {
  name: "scale",
  usage: "KIND N",
  summary: "So many processes of a kind: ai-gateway, router, or what hosts ai.",
  words: [2, 2],
  run: (context) => operate(context, `scale/${context.words.map(encodeURIComponent).join("/")}`),
};

function onProcess(verb: string, summary: string): Command {
  return {
    name: verb,
    usage: "PROCESS",
    summary,
    words: [1, 1],
    run: async (context) => {
      const [name = ""] = context.words;
      const { data } = await operate(context, `${verb}/${encodeURIComponent(name)}`);
      return { data, text: "" };
    },
  };
}

const rotateSigningKeys: Command = {
  name: "rotate-signing-keys",
  usage: "[--overlap-seconds N]",
  summary: "Gives processes new keys to know each other by; the old ones end after the overlap.",
  words: [0, 0],
  options: { "overlap-seconds": { type: "string" } },
  run: async (context) => {
    const overlap = context.options["overlap-seconds"];
    const query = overlap === undefined ? "" : `?overlap_seconds=${encodeURIComponent(overlap)}`;
    return operate(context, `rotate-signing-keys${query}`);
  },
};

export const systemCommands: readonly Command[] = [
  status,
  processes,
  upgrade,
  scale,
  rotateSigningKeys,
  onProcess("drain", "Takes a process, or the one of a replica (ai-1), out of service."),
  onProcess("start", "Starts one that was drained or stopped."),
  onProcess("restart", "Drains one process and starts it anew."),
];
