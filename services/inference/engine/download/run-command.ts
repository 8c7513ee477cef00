import { spawn } from "node:child_process";
import { faults } from "../faults.ts";

export interface Command {
  readonly command: string;
  readonly args: readonly string[];
  readonly directory: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
}

export interface CommandResult {
  /** Undefined when the program does not exist. */
  readonly code: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

const outputCharacters = 65_536;

/**
 * Runs a program to its end. Its whole process group ends with the signal, so that no child of a
 * child goes on. Rejects only when the signal rang; what the program says is the caller's to judge.
 */
export function runCommand(options: Command): Promise<CommandResult> {
  const { command, args, directory, environment, signal } = options;
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(faults.closing());
      return;
    }
    const child = spawn(command, args, {
      cwd: directory,
      env: { ...environment },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout = (stdout + text).slice(-outputCharacters);
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr = (stderr + text).slice(-outputCharacters);
    });
    const stop = (): void => {
      if (child.pid !== undefined) killGroup(child.pid);
    };
    signal.addEventListener("abort", stop);
    child.on("error", () => {
      signal.removeEventListener("abort", stop);
      resolve({ code: undefined, stdout, stderr });
    });
    child.on("close", (code) => {
      signal.removeEventListener("abort", stop);
      if (signal.aborted) reject(faults.closing());
      else resolve({ code: code ?? -1, stdout, stderr });
    });
  });
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGTERM");
  } catch {
    // It ended by itself a moment ago.
  }
}

const telling = /^npm (?:error|ERR!) (?!code|errno|syscall|path|A complete log)(\S.*)$/;
const noise = /^npm (?:notice|warn|error A complete log)/;

/** The line that says most, for a message: npm's first reason, else the last line of all. */
export function lastWords({ stdout, stderr }: CommandResult): string {
  const lines = `${stdout}\n${stderr}`.split("\n").map((line) => line.trim());
  for (const line of lines) {
    const reason = telling.exec(line)?.[1];
    if (reason !== undefined) return reason;
  }
  return lines.findLast((line) => line !== "" && !noise.test(line)) ?? "no output";
}
