import { readFileSync } from "node:fs";
import { join } from "node:path";
import { loadConfig } from "@tandem/libs/config";
import { Fault } from "@tandem/libs/kernel";
import { readTopology } from "@tandem/libs/service";
import { realWorld, type World } from "@tandem/libs/world";
import { z } from "zod";
import { configSchema } from "./config.ts";
import { findConfigFile, readConfigFile } from "./config-file.ts";
import { endingOf } from "./faults.ts";
import { type Flags, parseFlags, usage } from "./flags.ts";
import { openDataDirectory, shortPath } from "./folder/data-directory.ts";
import { type Announcer, createAnnouncer } from "./output/announcer.ts";
import { keepLines } from "./output/kept-lines.ts";
import { createSink } from "./output/sink.ts";
import { run } from "./run.ts";
import type { RunOptions } from "./run-options.ts";
import { end, obeySignals } from "./signals.ts";

const ownFolder = join(import.meta.dirname, "..");

/** Every deployable that a section of the configuration file may be for. */
const deployables =
  "router access business ai auth users quota orders articles analytics chat models inference " +
  "engine monitoring";

/** Standard names that are read as they are, below our own (`TANDEM_SUPERVISOR__PORT`). */
const standardNames = {
  PORT: "PORT",
  DATABASE_URL: "DATABASE_URL",
  REDIS_URL: "HOT_STORE_URL",
  LOG_LEVEL: "LOG_LEVEL",
} as const;

/** Runs the platform until it is told to stop, and sets the exit code. Never rejects. */
export async function command(
  args: readonly string[],
  { sourceFolder = ownFolder }: { readonly sourceFolder?: string } = {},
): Promise<void> {
  const world = realWorld();
  const outputs = {
    stdout: createSink(process.stdout),
    stderr: createSink(process.stderr),
    isColoured: isColoured(world),
  };
  let announcer = createAnnouncer({ ...outputs, level: "info", isVerbose: false, keep: () => {} });
  try {
    const flags = parseFlags(args);
    if (flags.isHelp || flags.isVersion) {
      outputs.stdout.write(flags.isHelp ? usage : `${readVersion()}\n`);
      return;
    }
    const wishes = readWishes(flags, world);
    const { config } = wishes;
    const directory = openDataDirectory(config.data);
    announcer = createAnnouncer({
      ...outputs,
      level: config.logLevel,
      isVerbose: config.verbose,
      keep: keepLines(join(directory.logs, "supervisor.log")),
    });
    watchForBugs(announcer);
    const supervisor = run({ ...wishes, directory, sourceFolder, world, announcer });
    obeySignals(supervisor, { world, announcer });
    announcer.starting(readVersion(), shortPath(directory.path));
    await supervisor.ready;
  } catch (error) {
    const fault = Fault.from(error);
    announcer.failed(fault);
    end(endingOf(fault).exitCode);
  }
}

/** Flags, configuration file, environment and topology, all checked before anything is opened. */
function readWishes(
  flags: Flags,
  world: World,
): Pick<RunOptions, "config" | "topology" | "sections" | "flags"> {
  const file = findConfigFile(flags.configFile, process.cwd());
  const { environment } = world;
  const sections =
    file === undefined
      ? new Map<string, Readonly<Record<string, unknown>>>()
      : readConfigFile(file, { environment, deployables: deployables.split(" ") });
  const config = loadConfig(configSchema, {
    deployable: "supervisor",
    world: { environment: withStandardNames(environment) },
    settings: sections.get("supervisor") ?? {},
    flags: flags.settings.get("supervisor"),
  });
  const isPath = /[/.]/.test(config.topology);
  const path = isPath ? config.topology : join(ownFolder, "topology", `${config.topology}.json`);
  return { config, topology: readTopology(path), sections, flags: flags.settings };
}

function withStandardNames(
  environment: World["environment"],
): Readonly<Record<string, string | undefined>> {
  const translated = Object.entries(standardNames).flatMap(([name, ours]) => {
    const value = environment[name];
    return value === undefined || value === "" ? [] : [[`TANDEM_SUPERVISOR__${ours}`, value]];
  });
  return { ...Object.fromEntries(translated), ...environment };
}

function readVersion(): string {
  const text = readFileSync(join(ownFolder, "package.json"), "utf8");
  return z.object({ version: z.string() }).parse(JSON.parse(text)).version;
}

/** https://no-color.org; a dumb terminal has no colours either. */
function isColoured({ environment }: World): boolean {
  const isWanted = (environment["NO_COLOR"] ?? "") === "" && environment["TERM"] !== "dumb";
  return isWanted && process.stderr.isTTY === true;
}

/** EX_SOFTWARE of sysexits.h: who started us knows that nobody asked for this end. */
const bugExitCode = 70;

/** A supervisor with a bug ends; its processes serve on, and the next one takes them over. */
function watchForBugs(announcer: Announcer): void {
  const crash = (error: unknown): void => {
    const stack = error instanceof Error ? error.stack : undefined;
    announcer.log.error("uncaught_error", { error: String(error), stack });
    process.exit(bugExitCode);
  };
  process.on("uncaughtException", crash);
  process.on("unhandledRejection", crash);
}
