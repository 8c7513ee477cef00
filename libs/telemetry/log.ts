import pino from "pino";

export type LogLevel = "debug" | "info" | "warn" | "error";
export type LogFields = Readonly<Record<string, unknown>>;

/** Structured log lines. `event` is a stable snake_case name that operators search for. */
export interface Log {
  debug(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
  /** The same log with these fields on every line. */
  with(fields: LogFields): Log;
  /** Writes out what is buffered. Called once before the process ends. */
  flush(): void;
}

function wrap(logger: pino.Logger): Log {
  return {
    debug: (event, fields) => logger.debug({ ...fields, event }),
    info: (event, fields) => logger.info({ ...fields, event }),
    warn: (event, fields) => logger.warn({ ...fields, event }),
    error: (event, fields) => logger.error({ ...fields, event }),
    with: (fields) => wrap(logger.child(fields)),
    flush: () => logger.flush(),
  };
}

/** Lines kept back while the disk is full; beyond that the newest are lost. */
const backlogMaxBytes = 1024 * 1024;

function stdoutDestination(): pino.DestinationStream {
  const destination = pino.destination({
    dest: 1,
    sync: true,
    minLength: 0,
    maxLength: backlogMaxBytes,
  });
  // A full disk or a reader that is gone must not end the process; the next line tries again.
  destination.on("error", () => {});
  return destination;
}

/** JSON lines on stdout, one system call a line, so that none is lost by a kill. */
export function createLog(options: {
  readonly level: LogLevel;
  readonly fields: LogFields;
  /** Where lines go; stdout when absent. Tests pass a collector. */
  readonly write?: (line: string) => void;
}): Log {
  const { write } = options;
  const destination =
    write === undefined ? stdoutDestination() : { write: (line: string) => write(line) };
  return wrap(
    pino(
      {
        level: options.level,
        base: { ...options.fields },
        messageKey: "msg",
        timestamp: pino.stdTimeFunctions.isoTime,
        formatters: { level: (label) => ({ level: label }) },
      },
      destination,
    ),
  );
}
