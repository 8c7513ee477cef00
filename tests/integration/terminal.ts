import { type ChildProcess, spawn } from "node:child_process";
import { realWorld } from "@tandem/libs/world";

/** A command on a terminal of its own, as a person sees it. */
export interface Terminal {
  /** Everything it has shown so far, without colours and carriage returns. */
  readonly text: string;
  /** Resolves with the match once `pattern` is on the screen; rejects when it ends before that. */
  until(pattern: RegExp, timeoutMs: number): Promise<RegExpExecArray>;
  /** Types these characters; `\u0003` is Ctrl-C. */
  type(characters: string): void;
  /** Resolves with the exit code when the command has ended. */
  readonly ended: Promise<number | null>;
}

/**
 * Runs a command under util-linux's `script`, which gives it a pseudo-terminal and passes its exit
 * code on. Wide enough that no line is folded.
 */
export function openTerminal(
  command: readonly string[],
  { folder, environment = {} }: TerminalOptions,
): Terminal {
  const line = command.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
  const child = spawn("script", ["-qefc", `stty cols 400; exec ${line}`, "/dev/null"], {
    cwd: folder,
    env: { ...realWorld().environment, TERM: "xterm", ...environment },
    stdio: ["pipe", "pipe", "inherit"],
  });
  return terminalOf(child);
}

export interface TerminalOptions {
  readonly folder: string;
  readonly environment?: Readonly<Record<string, string>>;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with one.
const escapes = /\u001b\[[0-9;?]*[A-Za-z]|\r/g;

function terminalOf(child: ChildProcess): Terminal {
  const { stdin, stdout } = child;
  if (!stdin || !stdout) throw new Error("the terminal has no pipes");
  let raw = "";
  let isEnded = false;
  const checks = new Set<() => void>();
  const changed = (): void => {
    for (const check of [...checks]) check();
  };
  stdout.setEncoding("utf8");
  stdout.on("data", (chunk: string) => {
    raw += chunk;
    changed();
  });
  const ended = new Promise<number | null>((resolve) => {
    child.once("close", (code) => {
      isEnded = true;
      resolve(code);
      changed();
    });
  });
  const text = (): string => raw.replaceAll(escapes, "");
  return {
    get text() {
      return text();
    },
    ended,
    type: (characters) => void stdin.write(characters),
    until: (pattern, timeoutMs) =>
      new Promise((resolve, reject) => {
        const settle = (run: () => void): void => {
          clearTimeout(timer);
          checks.delete(check);
          run();
        };
        const check = (): void => {
          const match = pattern.exec(text());
          if (match) settle(() => resolve(match));
          else if (isEnded) settle(() => reject(new Error(`it ended:\n${text()}`)));
        };
        const timer = setTimeout(() => {
          settle(() => reject(new Error(`no ${pattern} within ${timeoutMs} ms:\n${text()}`)));
        }, timeoutMs);
        checks.add(check);
        check();
      }),
  };
}
