import { parseArgs } from "node:util";
import { didYouMean } from "@tandem/libs/config";
import { supervisorFaults } from "./faults.ts";

/** What the command line says. */
export interface Flags {
  readonly isHelp: boolean;
  readonly isVersion: boolean;
  /** Configuration file, when one was named. */
  readonly configFile: string | undefined;
  /** Settings by deployable, then by name: from `--set ai.attempts=2` and from the short forms. */
  readonly settings: ReadonlyMap<string, Readonly<Record<string, string>>>;
}

const options = {
  help: { type: "boolean", short: "h" },
  version: { type: "boolean" },
  config: { type: "string" },
  set: { type: "string", multiple: true },
  port: { type: "string" },
  "grpc-port": { type: "string" },
  "no-grpc": { type: "boolean" },
  host: { type: "string" },
  data: { type: "string" },
  topology: { type: "string" },
  "log-level": { type: "string" },
  "no-model": { type: "boolean" },
  "no-detect": { type: "boolean" },
  "use-env-keys": { type: "boolean" },
  watch: { type: "boolean" },
  verbose: { type: "boolean" },
} as const;

const settingOfFlag: Readonly<Record<string, readonly [name: string, value?: string]>> = {
  port: ["port"],
  "grpc-port": ["grpc_port"],
  "no-grpc": ["grpc", "false"],
  host: ["host"],
  data: ["data"],
  topology: ["topology"],
  "log-level": ["log_level"],
  "no-model": ["model", "false"],
  "no-detect": ["detect", "false"],
  "use-env-keys": ["use_env_keys", "true"],
  watch: ["watch", "true"],
  verbose: ["verbose", "true"],
};

export const usage = `Usage: npm start -- [options]

  --port N            public port (4600)
  --grpc-port N       port of gRPC alone (the one after the public one)
  --no-grpc           gRPC on the public port only
  --host ADDRESS      address to bind (127.0.0.1: this machine only)
  --data DIR          where data, keys and logs live (.tandem)
  --topology NAME     tandem, single, or a topology file
  --config FILE       configuration file (tandem.yaml where there is one)
  --set NAME=VALUE    one setting, e.g. --set ai.first_token_timeout=20s; may be repeated
  --no-model          do not run the embedded language model
  --no-detect         do not look for model servers on this machine
  --use-env-keys      use provider keys found in the environment
  --watch             restart processes whose source files change
  --verbose           show the processes' info lines too
  --log-level LEVEL   debug, info, warn or error (info)
  --help, --version
`;

/** Reads the command line; throws `supervisor.wrong_usage` with a suggestion for what it misses. */
export function parseFlags(words: readonly string[]): Flags {
  const { values, tokens } = parseArgs({ args: [...words], options, strict: false, tokens: true });
  const settings = new Map<string, Record<string, string>>();
  const put = (deployable: string, name: string, value: string): void => {
    settings.set(deployable, { ...settings.get(deployable), [name]: value });
  };
  for (const token of tokens) {
    if (token.kind === "positional") throw misplaced(token.value);
    if (token.kind !== "option") continue;
    const option = Object.hasOwn(options, token.name)
      ? options[token.name as keyof typeof options]
      : undefined;
    if (option === undefined) throw unknown(token.rawName);
    if (option.type === "string" && token.value === undefined) throw valueless(token.rawName);
    const [name, value = token.value ?? ""] = settingOfFlag[token.name] ?? [];
    if (name !== undefined) put("supervisor", name, value);
    if (token.name === "set") {
      const match = /^([a-z]+)\.([a-z0-9_.]+)=(.*)$/s.exec(token.value ?? "");
      if (match === null) throw malformed(token.value ?? "");
      const [, deployable = "", setting = "", text = ""] = match;
      put(deployable, setting, text);
    }
  }
  return {
    isHelp: values.help === true,
    isVersion: values.version === true,
    configFile: typeof values.config === "string" ? values.config : undefined,
    settings,
  };
}

function misplaced(word: string): Error {
  return supervisorFaults.wrong_usage({
    publicMessage: `"${word}" is not an option. See npm start -- --help`,
  });
}

function unknown(rawName: string): Error {
  const near = didYouMean(rawName.replace(/^-+/, ""), Object.keys(options));
  const hint = near === undefined ? "See npm start -- --help" : `Did you mean --${near}?`;
  return supervisorFaults.wrong_usage({ publicMessage: `There is no option ${rawName}. ${hint}` });
}

function valueless(rawName: string): Error {
  return supervisorFaults.wrong_usage({ publicMessage: `${rawName} needs a value.` });
}

function malformed(given: string): Error {
  return supervisorFaults.wrong_usage({
    publicMessage: `--set ${given} is not NAME=VALUE. Write it like --set ai.attempts=2`,
  });
}
