import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { didYouMean, interpolate } from "@tandem/libs/config";
import { parseDocument } from "yaml";
import { supervisorFaults } from "./faults.ts";

/** A section of the file for each deployable, and one for the supervisor. */
export type ConfigSections = ReadonlyMap<string, Readonly<Record<string, unknown>>>;

const usualNames = ["tandem.yaml", "tandem.yml", "tandem.json"];

/** The file to read: the one named, or one of the usual names in this folder, or none. */
export function findConfigFile(given: string | undefined, folder: string): string | undefined {
  if (given !== undefined) return resolve(folder, given);
  return usualNames.map((name) => resolve(folder, name)).find((path) => existsSync(path));
}

/**
 * Reads a configuration file (YAML or JSON), fills in `${…}`, and takes it apart by deployable.
 * Throws `supervisor.config_unreadable` with every problem and its line, or `config.unresolved`.
 */
export function readConfigFile(
  path: string,
  options: {
    readonly environment: Readonly<Record<string, string | undefined>>;
    readonly deployables: readonly string[];
  },
): ConfigSections {
  const content = interpolate(parse(path), options.environment);
  if (content === null || content === undefined) return new Map();
  const problems: string[] = [];
  const sections = new Map<string, Readonly<Record<string, unknown>>>();
  if (!isSection(content)) throw unreadable(path, ["it holds no sections"]);
  const known = [...options.deployables, "supervisor"];
  for (const [name, section] of Object.entries(content)) {
    if (name === "version") {
      if (section !== 1)
        problems.push(`version is ${String(section)}; this Tandem reads version 1`);
    } else if (!known.includes(name)) {
      const near = didYouMean(name, known);
      const hint = near === undefined ? `there are ${known.join(", ")}` : `did you mean ${near}?`;
      problems.push(`"${name}" is no section; ${hint}`);
    } else if (section !== null && !isSection(section)) {
      problems.push(`"${name}" must hold settings, like "port: 4600"`);
    } else if (section !== null) {
      sections.set(name, section);
    }
  }
  if (problems.length > 0) throw unreadable(path, problems);
  return sections;
}

function parse(path: string): unknown {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw unreadable(path, [(error as Error).message]);
  }
  const document = parseDocument(text, { prettyErrors: true, uniqueKeys: true });
  if (document.errors.length > 0) {
    throw unreadable(
      path,
      document.errors.map(({ message }) => message.split("\n")[0] ?? message),
    );
  }
  return document.toJS({ maxAliasCount: 100 }) as unknown;
}

function isSection(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function unreadable(path: string, problems: readonly string[]): Error {
  const list = problems.map((problem) => `  ${problem}`).join("\n");
  return supervisorFaults.config_unreadable({
    publicMessage: `${path} cannot be used; nothing was started.\n${list}`,
  });
}
