import { closeSync, fstatSync, openSync, readFileSync, truncateSync } from "node:fs";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";

const lastLinesMax = 20;
/** A store says little; what is older than this is of no use to anybody. */
const fileMaxBytes = 4 * 1024 * 1024;

/** Where a store's server writes its lines. */
export interface ServerLines {
  /** For the `stdio` of the server. */
  readonly output: "pipe" | number;
  /** Call it once the server was spawned; `onLine` gets what comes by the pipe. */
  follow(pipe: Readable | null, onLine: (line: string) => void): void;
  /** The newest ones, for who has to say why it did not start. */
  last(): readonly string[];
}

/**
 * A pipe, so that its lines go on our log; or a file for a server that outlives us, since a pipe
 * that nobody reads ends or blocks who writes to it.
 */
export function openServerLines(logFile: string | undefined): ServerLines {
  if (logFile === undefined) return throughPipe();
  const descriptor = openSync(logFile, "a", 0o600);
  if (fstatSync(descriptor).size > fileMaxBytes) truncateSync(logFile);
  return {
    output: descriptor,
    follow: () => closeSync(descriptor),
    last: () => readFileSync(logFile, "utf8").trimEnd().split("\n").slice(-lastLinesMax),
  };
}

function throughPipe(): ServerLines {
  const lines: string[] = [];
  return {
    output: "pipe",
    follow: (pipe, onLine) => {
      if (pipe === null) return;
      createInterface({ input: pipe }).on("line", (line) => {
        lines.push(line);
        if (lines.length > lastLinesMax) lines.shift();
        onLine(line);
      });
    },
    last: () => lines,
  };
}
