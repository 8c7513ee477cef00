import type { Log, LogFields } from "@tandem/libs/telemetry";

/** Lines of the deployables, for the trace of a run that failed. */
export function simulatedLog(note: (line: string) => void): Log {
  const say = (level: string, fields: LogFields) => (event: string, more?: LogFields) => {
    note(`${level} ${event} ${JSON.stringify({ ...fields, ...more }, plain)}`);
  };
  const log = (fields: LogFields): Log => ({
    debug: () => undefined,
    info: () => undefined,
    warn: say("warn", fields),
    error: say("error", fields),
    with: (more) => log({ ...fields, ...more }),
    flush: () => undefined,
  });
  return log({});
}

function plain(_key: string, value: unknown): unknown {
  if (typeof value === "bigint") return String(value);
  return value instanceof Error ? value.message : value;
}
