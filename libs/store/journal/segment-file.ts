import { open, unlink } from "node:fs/promises";

/** An open segment, as the journal writes it. A seam, so that tests can make a disk fail. */
export interface SegmentFile {
  /** Writes all of `bytes` at `offset`, or rejects. */
  write(bytes: Buffer, offset: number): Promise<void>;
  /** Resolves when what was written would survive a loss of power. */
  sync(): Promise<void>;
  truncate(length: number): Promise<void>;
  close(): Promise<void>;
}

export type CreateSegmentFile = (path: string) => Promise<SegmentFile>;

/**
 * Makes a new, empty file. One of the same name can only be what is left of a segment none of
 * whose records was acknowledged; it gives way.
 */
export const createSegmentFile: CreateSegmentFile = async (path) => {
  await unlink(path).catch(() => {});
  const file = await open(path, "wx", 0o600);
  return {
    async write(bytes, offset) {
      let written = 0;
      while (written < bytes.length) {
        const rest = bytes.length - written;
        const { bytesWritten } = await file.write(bytes, written, rest, offset + written);
        written += bytesWritten;
      }
    },
    sync: () => file.datasync(),
    truncate: (length) => file.truncate(length),
    close: () => file.close(),
  };
};

/** Makes the names in a directory durable: files made or removed in it. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
