import { readFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { z } from "zod";
import { CommandError, exitCodeOf, exitCodes } from "../exit-codes.ts";

/** A line of an operation that takes its time. */
export type ControlEvent = Readonly<Record<string, unknown>> & { readonly event?: string };

/** The supervisor's own door, on this machine. */
export interface ControlDoor {
  status(): Promise<SystemStatus>;
  /** Open alerts, past the public door; undefined when nobody answers. */
  alerts(): Promise<unknown>;
  /** Runs an operation, telling each line; throws a `CommandError` when it fails. */
  operate(operation: string, tell: (event: ControlEvent) => void): Promise<ControlEvent>;
}

const statusSchema = z.object({
  pid: z.number(),
  state: z.string(),
  url: z.string(),
  grpcAddress: z.string().optional(),
  dataDirectory: z.string(),
  stores: z.array(z.object({ name: z.string(), kind: z.string(), pid: z.number().optional() })),
  processes: z.array(
    z.object({
      name: z.string(),
      level: z.number(),
      hosts: z.array(z.string()),
      state: z.string(),
      isMember: z.boolean(),
      sourceFolder: z.string(),
      pid: z.number().optional(),
      deaths: z.number(),
      unready: z.array(z.string()),
      ageMs: z.number(),
      residentBytes: z.number().optional(),
      loopLagMs: z.number().optional(),
    }),
  ),
});

export type SystemStatus = z.infer<typeof statusSchema>;

const failureSchema = z.object({ message: z.string() });

export function openControlDoor(dataDirectory: string): ControlDoor {
  return {
    status: async () => {
      const lines: ControlEvent[] = [];
      await ask(dataDirectory, { method: "GET", path: "/status" }, (line) => lines.push(line));
      return statusSchema.parse(lines.at(-1));
    },
    alerts: async () => {
      const lines: ControlEvent[] = [];
      const call = { method: "GET", path: "/alerts" };
      await ask(dataDirectory, call, (line) => lines.push(line)).catch(() => undefined);
      return lines.at(-1);
    },
    async operate(operation, tell) {
      let last: ControlEvent = {};
      await ask(dataDirectory, { method: "POST", path: `/${operation}` }, (line) => {
        last = line;
        if (line.event !== "failed") tell(line);
      });
      if (last.event !== "failed") return last;
      throw new CommandError(exitCodes.failed, failureSchema.parse(last).message);
    },
  };
}

function socketOf(dataDirectory: string): string {
  try {
    const text = readFileSync(join(dataDirectory, "supervisor.json"), "utf8");
    return z.object({ control: z.string() }).parse(JSON.parse(text)).control;
  } catch {
    throw notHere(dataDirectory);
  }
}

function notHere(dataDirectory: string): CommandError {
  return new CommandError(exitCodes.unreachable, `No Tandem is running on ${dataDirectory}.`, {
    remedy: "Start it with npm start, or name its data directory: --data DIR",
  });
}

function ask(
  dataDirectory: string,
  call: { readonly method: string; readonly path: string },
  onLine: (line: ControlEvent) => void,
): Promise<void> {
  const socketPath = socketOf(dataDirectory);
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, ...call }, (response) => {
      const { statusCode = 0 } = response;
      let rest = "";
      response.setEncoding("utf8").on("data", (text: string) => {
        const lines = (rest + text).split("\n");
        rest = lines.pop() ?? "";
        if (statusCode === 200) for (const line of lines) onLine(JSON.parse(line) as ControlEvent);
        else rest = `${lines.join("\n")}${rest}`;
      });
      response.on("error", reject);
      response.on("end", () => {
        if (statusCode === 200) return resolve();
        const { data } = failureSchema.safeParse(parsed(rest));
        reject(new CommandError(exitCodeOf(statusCode), data?.message ?? `It said ${statusCode}.`));
      });
    });
    outgoing.on("error", () => reject(notHere(dataDirectory)));
    outgoing.end();
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
