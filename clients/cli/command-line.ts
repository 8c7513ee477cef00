import { parseArgs } from "node:util";
import { didYouMean } from "@tandem/libs/config";
import type { Command, OptionValues } from "./command.ts";
import { CommandError, exitCodes } from "./exit-codes.ts";

/** For every command. */
const commonOptions = {
  data: { type: "string" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

export interface CommandLine {
  readonly command: Command;
  readonly rest: readonly string[];
  readonly options: OptionValues;
}

/** Finds the command that is meant and reads its options; throws with a suggestion else. */
export function parseCommandLine(
  words: readonly string[],
  commands: readonly Command[],
): CommandLine {
  const names = words.filter((word) => !word.startsWith("-"));
  const command = commands
    .filter(({ name }) => name.split(" ").every((part, at) => names[at] === part))
    .toSorted((one, other) => other.name.length - one.name.length)[0];
  const help = commands.find(({ name }) => name === "help");
  if (command === undefined) {
    if (names.length === 0 && help !== undefined) return { command: help, rest: [], options: {} };
    throw unknownCommand(names, commands);
  }
  const { values, positionals } = readOptions(words, command);
  const rest = positionals.slice(command.name.split(" ").length);
  if (values["help"] === true && help !== undefined) {
    return { command: help, rest: [command.name], options: values };
  }
  const [min, max] = command.words;
  if (rest.length < min || rest.length > max) throw wrongUsage(command);
  return { command, rest, options: values };
}

function readOptions(
  words: readonly string[],
  command: Command,
): { readonly values: OptionValues; readonly positionals: readonly string[] } {
  const options = { ...commonOptions, ...command.options };
  try {
    const parsed = parseArgs({ args: [...words], options, allowPositionals: true, strict: true });
    return { values: parsed.values as OptionValues, positionals: parsed.positionals };
  } catch (error) {
    const unknown = /Unknown option '--?([^']+)'/.exec(String(error))?.[1];
    if (unknown === undefined) throw wrongUsage(command, messageOf(error));
    const near = didYouMean(unknown, Object.keys(options));
    throw wrongUsage(
      command,
      `There is no option --${unknown}.${near === undefined ? "" : ` Did you mean --${near}?`}`,
    );
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? (error.message.split(". ")[0] ?? error.message) : String(error);
}

function wrongUsage({ name, usage }: Command, why = "Wrong number of words."): CommandError {
  return new CommandError(exitCodes.wrongUsage, why, {
    remedy: `Usage: tandem ${`${name} ${usage}`.trim()}`,
  });
}

function unknownCommand(names: readonly string[], commands: readonly Command[]): CommandError {
  const [first = ""] = names;
  const group = commands.filter(({ name }) => name.startsWith(`${first} `));
  if (group.length > 0) {
    return new CommandError(exitCodes.wrongUsage, `tandem ${first} needs another word.`, {
      remedy: `One of: ${group.map(({ name }) => name.slice(first.length + 1)).join(", ")}`,
    });
  }
  const near = didYouMean(
    first,
    commands.map(({ name }) => name.split(" ")[0] ?? ""),
  );
  return new CommandError(exitCodes.wrongUsage, `There is no command ${first}.`, {
    remedy: near === undefined ? "See: tandem help" : `Did you mean tandem ${near}?`,
  });
}
