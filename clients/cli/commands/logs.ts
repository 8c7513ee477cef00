import { closeSync, fstatSync, openSync, readdirSync, readSync } from "node:fs";
import { join } from "node:path";
import { sleep } from "@tandem/libs/world";
import type { Command, Context } from "../command.ts";
import { CommandError, exitCodes } from "../exit-codes.ts";

const levels = ["debug", "info", "warn", "error"];
const pollMs = 250;
/** Of each file, when the whole past is not asked for. */
const tailBytes = 64 * 1024;

interface Line {
  readonly time: string;
  readonly level: string;
  readonly text: string;
}

/** The lines of all processes in the order of their time; with `-f` those that come, too. */
export const logs: Command = {
  name: "logs",
  usage: "[-f] [--process NAME] [--level LEVEL]",
  summary: "What the processes have written lately, merged.",
  words: [0, 0],
  options: {
    follow: { type: "boolean", short: "f" },
    process: { type: "string" },
    level: { type: "string" },
  },
  run: async (context) => {
    const files = openFiles(context);
    try {
      show(context, files);
      while (context.options["follow"] === true) {
        await sleep(context.world, pollMs);
        show(context, files);
      }
    } finally {
      for (const { descriptor } of files) closeSync(descriptor);
    }
    return undefined;
  },
};

interface LogFile {
  readonly descriptor: number;
  position: number;
  rest: string;
}

function openFiles({ settings, options }: Context): readonly LogFile[] {
  const folder = join(settings.dataDirectory, "logs");
  const wanted = options["process"];
  let names: readonly string[];
  try {
    names = readdirSync(folder).filter((name) => name.endsWith(".log"));
  } catch {
    throw new CommandError(exitCodes.notFound, `There are no logs in ${folder}.`, {
      remedy: "Name the data directory: --data DIR",
    });
  }
  const chosen = names.filter((name) => wanted === undefined || name === `${String(wanted)}.log`);
  if (chosen.length === 0) {
    const known = names.map((name) => name.replace(/\.log$/, "")).join(", ");
    throw new CommandError(exitCodes.notFound, `${String(wanted)} has written nothing.`, {
      remedy: `There are: ${known}`,
    });
  }
  return chosen.map((name) => {
    const descriptor = openSync(join(folder, name), "r");
    const { size } = fstatSync(descriptor);
    return { descriptor, position: Math.max(0, size - tailBytes), rest: "" };
  });
}

function show({ options, write, isJson }: Context, files: readonly LogFile[]): void {
  const least = levels.indexOf(String(options["level"] ?? "info"));
  if (least < 0) {
    throw new CommandError(exitCodes.wrongUsage, `${String(options["level"])} is no level.`, {
      remedy: `One of: ${levels.join(", ")}`,
    });
  }
  const lines = files.flatMap(readLines).filter(({ level }) => levels.indexOf(level) >= least);
  lines.sort((one, other) => (one.time < other.time ? -1 : one.time > other.time ? 1 : 0));
  for (const { text } of lines) write(`${isJson ? text : forPeople(text)}\n`);
}

function readLines(file: LogFile): readonly Line[] {
  const { size } = fstatSync(file.descriptor);
  // It was rotated meanwhile.
  if (size < file.position) file.position = 0;
  const buffer = Buffer.alloc(size - file.position);
  const isFirst = file.position > 0 && file.rest === "";
  file.position += readSync(file.descriptor, buffer, 0, buffer.length, file.position);
  const lines = (file.rest + buffer.toString("utf8")).split("\n");
  file.rest = lines.pop() ?? "";
  return (isFirst ? lines.slice(1) : lines).flatMap((text) => {
    try {
      const { time, level } = JSON.parse(text) as Partial<Line>;
      return [{ time: String(time), level: String(level), text }];
    } catch {
      return [];
    }
  });
}

function forPeople(text: string): string {
  const entry = JSON.parse(text) as Readonly<Record<string, unknown>>;
  const {
    time,
    level,
    process: name,
    replica,
    event,
    pid: _pid,
    service: _service,
    ...rest
  } = entry;
  const parts = Object.entries(rest).map(([key, value]) => {
    return `${key}=${typeof value === "string" ? value : JSON.stringify(value)}`;
  });
  const clock = String(time).slice(11, 23);
  const who = String(replica ?? name ?? "").padEnd(14);
  return `${clock} ${String(level).padEnd(5)} ${who} ${String(event)} ${parts.join(" ")}`.trimEnd();
}
