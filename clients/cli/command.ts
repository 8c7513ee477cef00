import type { ParseArgsOptionDescriptor } from "node:util";
import type { World } from "@tandem/libs/world";
import type { ControlDoor } from "./connection/control-door.ts";
import type { ManagementApi } from "./connection/management-api.ts";
import type { Settings } from "./connection/settings.ts";
import type { ExitCode } from "./exit-codes.ts";

/** What `--name value` and `--name` gave. */
export type OptionValues = Readonly<Record<string, string | boolean | undefined>>;

/** All that a command may use. */
export interface Context {
  readonly world: World;
  /** Words behind the command's name. */
  readonly words: readonly string[];
  readonly options: OptionValues;
  readonly settings: Settings;
  readonly api: ManagementApi;
  readonly control: ControlDoor;
  readonly stdin: NodeJS.ReadableStream;
  /** Data goes here, as it comes, for commands that run on: `logs`, `chat`. */
  readonly write: (text: string) => void;
  /** For people: progress and remarks. Not with `--json`. */
  readonly remark: (text: string) => void;
  readonly isJson: boolean;
}

/** What a command has found out: for programs, and for people. */
export interface Result {
  readonly data: unknown;
  readonly text: string;
  /** Another end than 0: `doctor` with failed checks. */
  readonly exitCode?: ExitCode;
}

export interface Command {
  /** `keys create`. */
  readonly name: string;
  /** What stands behind the name: `NAME [--scope SCOPE]`. */
  readonly usage: string;
  readonly summary: string;
  /** Fewest and most words behind the name. */
  readonly words: readonly [min: number, max: number];
  readonly options?: Readonly<Record<string, ParseArgsOptionDescriptor>>;
  /** Undefined for a command that has written everything itself. */
  run(context: Context): Promise<Result | undefined>;
}
