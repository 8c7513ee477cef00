/**
 * The `tandem` command: a thin client of the management API and of the supervisor's control door.
 * It keeps no state and decides nothing; data goes to stdout, everything else to stderr, and the
 * exit code says how it ended. It fails with one message that says what to do.
 */
import { randomUUID } from "node:crypto";
import type { World } from "@tandem/libs/world";
import type { Context, Result } from "./command.ts";
import { parseCommandLine } from "./command-line.ts";
import { commands } from "./commands/index.ts";
import { openControlDoor } from "./connection/control-door.ts";
import { openManagementApi } from "./connection/management-api.ts";
import { readSettings } from "./connection/settings.ts";
import { CommandError, exitCodes } from "./exit-codes.ts";

export interface Surroundings {
  readonly world: World;
  readonly stdin: NodeJS.ReadableStream;
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
}

/** Runs one command; resolves to its exit code and never rejects. */
export async function run(words: readonly string[], around: Surroundings): Promise<number> {
  const isJson = words.includes("--json");
  try {
    const { command, rest, options } = parseCommandLine(words, commands);
    const data = options["data"];
    const settings = readSettings(around.world, typeof data === "string" ? data : ".tandem");
    const context: Context = {
      ...{ world: around.world, words: rest, options, settings, isJson, stdin: around.stdin },
      api: openManagementApi(settings, () => randomUUID()),
      control: openControlDoor(settings.dataDirectory),
      write: (text) => void around.stdout.write(text),
      remark: (text) => {
        if (!isJson) around.stderr.write(`${text}\n`);
      },
    };
    return tell(await command.run(context), { around, isJson });
  } catch (error) {
    return fail(error, { around, isJson });
  }
}

interface Manner {
  readonly around: Surroundings;
  readonly isJson: boolean;
}

function tell(result: Result | undefined, { around, isJson }: Manner): number {
  if (result === undefined) return exitCodes.ok;
  const text = isJson ? JSON.stringify(result.data, undefined, 2) : result.text;
  if (text !== "") around.stdout.write(`${text}\n`);
  return result.exitCode ?? exitCodes.ok;
}

function fail(error: unknown, { around, isJson }: Manner): number {
  const known = error instanceof CommandError ? error : undefined;
  const exitCode = known?.exitCode ?? exitCodes.failed;
  const message =
    known?.message ?? `A bug of the command line: ${error instanceof Error ? error.stack : error}`;
  const { remedy, requestId } = known ?? {};
  if (isJson) {
    around.stderr.write(`${JSON.stringify({ error: { message, remedy, requestId, exitCode } })}\n`);
    return exitCode;
  }
  around.stderr.write(`✗ ${message}\n`);
  if (remedy !== undefined) around.stderr.write(`  ${remedy}\n`);
  if (requestId !== undefined) around.stderr.write(`  request ${requestId}\n`);
  return exitCode;
}
