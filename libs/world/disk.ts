/** An open file, written at offsets. */
export interface DiskFile {
  /** Writes all of `bytes` at `offset`, or rejects. */
  write(bytes: Buffer, offset: number): Promise<void>;
  /** Resolves when what was written would survive a loss of power. */
  sync(): Promise<void>;
  truncate(length: number): Promise<void>;
  close(): Promise<void>;
}

/** Rejections carry a `code` as those of Node's own file system do: `ENOENT`, `ENOSPC`, `EIO`. */
export interface Disk {
  /** Made with its parents when absent. */
  makeDirectory(path: string): Promise<void>;
  /** Names of the files in it. */
  list(directory: string): Promise<readonly string[]>;
  read(path: string): Promise<Buffer>;
  /** A new, empty file; one of the same name gives way. */
  create(path: string): Promise<DiskFile>;
  /** The whole content of a file at once: a crash leaves the old one or the new one. */
  replace(path: string, content: Uint8Array): Promise<void>;
  remove(path: string): Promise<void>;
  /** Makes durable what only the kernel may have. */
  syncFile(path: string): Promise<void>;
  /** Makes the names in a directory durable: files made or removed in it. */
  syncDirectory(path: string): Promise<void>;
  /**
   * Makes this process the only user of a directory on this machine, until it lets go or dies.
   * Rejects with `EADDRINUSE` when another one is.
   */
  lock(directory: string): Promise<DiskLock>;
}

export interface DiskLock {
  release(): Promise<void>;
}
