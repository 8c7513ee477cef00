import type { Fault } from "@tandem/libs/kernel";
import { createLog, type Log, type LogLevel } from "@tandem/libs/telemetry";
import { type ReadyNews, readyBanner, seconds } from "../banner.ts";
import { endingOf } from "../faults.ts";
import { modelProgress } from "./model-progress.ts";
import type { Sink } from "./sink.ts";
import { formatTerminalLine, isUrgent, paint } from "./terminal-line.ts";

/** What the supervisor says to whoever started it. */
export interface Announcer {
  /** The supervisor's own log. */
  readonly log: Log;
  starting(version: string, dataDirectory: string): void;
  /** Something is there: `database`, `PostgreSQL, embedded`. */
  step(name: string, text: string, durationMs: number): void;
  /** Provider variables that were found and are not used. */
  unused(variables: readonly string[]): void;
  ready(news: ReadyNews): void;
  /** Not all processes are ready, with those that are not. */
  incomplete(processes: readonly string[]): void;
  stopping(): void;
  stopped(durationMs: number): void;
  failed(fault: Fault): void;
  /** A line that a process has written. */
  line(process: string, line: string): void;
}

export interface AnnouncerOptions {
  readonly stdout: Sink;
  readonly stderr: Sink;
  readonly level: LogLevel;
  /** On a terminal: show the processes' info lines too. */
  readonly isVerbose: boolean;
  readonly isColoured: boolean;
  /** Every line of the supervisor's log, for its file. */
  readonly keep: (line: string) => void;
}

/** People at a terminal read words; everybody else gets one JSON line an event. */
export function createAnnouncer(options: AnnouncerOptions): Announcer {
  return options.stderr.isTerminal ? forTerminal(options) : forMachines(options);
}

/** Lines go below one another; one that is still in progress is overwritten by what comes next. */
function overwriting(sink: Sink): { line(text: string): void; progress(text: string): void } {
  const wipe = "\r\u001b[K";
  let isUnfinished = false;
  return {
    line: (text) => {
      sink.write(isUnfinished ? wipe + text : text);
      isUnfinished = false;
    },
    progress: (text) => {
      sink.write(wipe + text);
      isUnfinished = true;
    },
  };
}

function forTerminal(options: AnnouncerOptions): Announcer {
  const { isColoured, isVerbose } = options;
  const screen = overwriting(options.stderr);
  const stderr = { write: screen.line };
  let isStopping = false;
  const show = (process: string, line: string): void => {
    if (isVerbose || isUrgent(line)) {
      stderr.write(`${formatTerminalLine(line, { process, isColoured })}\n`);
    }
  };
  const log = createLog({
    level: options.level,
    fields: { process: "supervisor" },
    write: (line) => {
      options.keep(line);
      show("supervisor", line.trimEnd());
    },
  });
  const bold = (text: string): string => paint(text, "1", isColoured);
  return {
    log,
    starting: (version, dataDirectory) =>
      stderr.write(`\n  ${bold(`tandem ${version}`)}   data in ${dataDirectory}\n\n`),
    step: (name, text, durationMs) => {
      const tick = paint("✓", "32", isColoured);
      const took = durationMs >= 100 ? seconds(durationMs) : "";
      stderr.write(`  ${tick} ${name.padEnd(11)} ${took.padStart(6)}  ${text}\n`);
    },
    unused: (variables) => {
      for (const name of variables) {
        stderr.write(`    found ${name}, not used; to use it: npm start -- --use-env-keys\n`);
      }
    },
    ready: (news) => stderr.write(`\n${readyBanner(news, { isColoured })}`),
    incomplete: (processes) => {
      const mark = paint("!", "33", isColoured);
      stderr.write(`  ${mark} not ready yet: ${processes.join(", ")}; see the logs\n`);
    },
    stopping: () => {
      isStopping = true;
      stderr.write("\n  Draining (Ctrl-C again to cut what runs) …\n");
    },
    stopped: (durationMs) => stderr.write(`  Stopped in ${seconds(durationMs)}\n`),
    failed: (fault) => {
      const cross = paint("✗", "31", isColoured);
      const text = fault.publicMessage.replaceAll("\n", "\n    ");
      stderr.write(`\n  ${cross} ${text}\n    ${endingOf(fault).label}\n\n`);
    },
    line: (process, line) => {
      const progress = isVerbose ? undefined : modelProgress(line);
      if (progress === undefined) show(process, line);
      else if (isStopping) return;
      else if (progress.isFinal) screen.line(`${progress.text}\n`);
      else screen.progress(progress.text);
    },
  };
}

function forMachines(options: AnnouncerOptions): Announcer {
  const { stdout, stderr } = options;
  const log = createLog({
    level: options.level,
    fields: { process: "supervisor" },
    write: (line) => {
      options.keep(line);
      stderr.write(line);
    },
  });
  const inSeconds = (durationMs: number): number => Math.round(durationMs / 100) / 10;
  return {
    log,
    starting: (version, dataDirectory) => log.info("starting", { version, dataDirectory }),
    step: (name, text, durationMs) =>
      log.info("step", { name, text, duration_s: inSeconds(durationMs) }),
    unused: (variables) => {
      if (variables.length > 0) log.info("provider_keys_unused", { variables });
    },
    ready: ({ url, grpcAddress, env, devEnvFile, durationMs }) =>
      log.info("ready", {
        api: env.OPENAI_BASE_URL,
        url,
        grpc: grpcAddress,
        management: env.TANDEM_ADMIN_URL,
        model: env.TANDEM_MODEL,
        dev_env: devEnvFile,
        duration_s: inSeconds(durationMs),
      }),
    incomplete: (processes) => log.warn("incomplete", { processes }),
    stopping: () => log.info("stopping"),
    stopped: (durationMs) => log.info("stopped", { duration_s: inSeconds(durationMs) }),
    failed: (fault) =>
      log.error("failed", {
        code: endingOf(fault).label,
        reason: fault.reason,
        message: fault.publicMessage,
        ...(fault.detail === undefined ? {} : { detail: fault.detail }),
      }),
    // What is no JSON (a crash of the runtime) is made so, or it would break whoever parses.
    line: (process, line) =>
      stdout.write(
        line.startsWith("{")
          ? `${line}\n`
          : `${JSON.stringify({ level: "error", process, line })}\n`,
      ),
  };
}
