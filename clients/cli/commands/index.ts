import type { Command } from "../command.ts";
import { alertCommands } from "./alerts.ts";
import { chat } from "./chat.ts";
import { connect } from "./connect.ts";
import { deadLetterCommands } from "./dead-letters.ts";
import { doctor } from "./doctor.ts";
import { keyCommands } from "./keys.ts";
import { limitCommands } from "./limits.ts";
import { logs } from "./logs.ts";
import { readCommands } from "./reads.ts";
import { systemCommands } from "./system.ts";

const help: Command = {
  name: "help",
  usage: "[COMMAND]",
  summary: "Says what there is.",
  words: [0, 2],
  run: async ({ words }) => {
    const wanted = words.join(" ");
    const found = commands.filter(({ name }) => name === wanted || name.startsWith(`${wanted} `));
    const shown = wanted === "" || found.length === 0 ? commands : found;
    const data = shown.map(({ name, usage, summary }) => ({ name, usage, summary }));
    const width = Math.max(...data.map(({ name, usage }) => `${name} ${usage}`.length));
    const lines = data.map(
      ({ name, usage, summary }) => `  tandem ${`${name} ${usage}`.padEnd(width)}  ${summary}`,
    );
    return { data, text: [...lines, "", "  Everywhere: --json, --data DIR, --help"].join("\n") };
  },
};

/** Everything that can be typed. */
export const commands: readonly Command[] = [
  ...systemCommands,
  ...alertCommands,
  logs,
  doctor,
  ...keyCommands,
  ...limitCommands,
  ...readCommands,
  ...deadLetterCommands,
  chat,
  connect,
  help,
];
