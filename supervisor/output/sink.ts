/** Where lines for people or machines go out. */
export interface Sink {
  /** Never waits: what a reader does not take in time is dropped, and said so once it reads on. */
  write(text: string): void;
  readonly isTerminal: boolean;
}

const backlogMaxBytes = 1024 * 1024;

/**
 * Wraps stdout or stderr. Writes to a pipe are asynchronous in Node, so the only danger is a reader
 * who does not read: the supervisor must neither stop for it nor grow.
 */
export function createSink(stream: NodeJS.WriteStream): Sink {
  let isGone = false;
  let dropped = 0;
  stream.on("error", () => {
    isGone = true;
  });
  return {
    isTerminal: stream.isTTY === true,
    write: (text) => {
      if (isGone) return;
      if (stream.writableLength > backlogMaxBytes) {
        dropped += 1;
        return;
      }
      if (dropped > 0) {
        stream.write(`${JSON.stringify({ level: "warn", event: "output_dropped", dropped })}\n`);
        dropped = 0;
      }
      stream.write(text);
    },
  };
}
