import { assert, type Fault } from "../../kernel/index.ts";
import type { Log } from "../../telemetry/index.ts";
import {
  type Disk,
  type DiskFile,
  type DiskLock,
  diskOf,
  sleep,
  type World,
} from "../../world/index.ts";
import { storeFaults } from "../faults.ts";
import { encodeFrame, frameHeaderBytes, type JournalRecord, payloadBytesMax } from "./frame.ts";
import { readRecords, readSegments, removeSegment, type Segment, segmentPath } from "./segments.ts";

/** A batch is written at once when it is this large, without waiting for its window's end. */
const batchBytesMax = 256 * 1024;
/** Bytes that wait to be written, at most. */
const waitingBytesMax = 16 * 1024 * 1024;
/** A segment that is no longer needed is replaced only from this size on: files cost something. */
const replaceBytesMin = 64 * 1024;
/** After a failed fsync: a disk that goes on failing must not be given a file every few ms. */
const badDiskPauseMs = 1_000;

export interface JournalOptions {
  readonly world: World;
  readonly log: Log;
  /** How long an append waits for others to share its fsync: 0 to 5 ms, 1 by default. */
  readonly windowMs?: number;
  /**
   * Absent: an append resolves when its record would survive a loss of power. Given: when it would
   * survive the death of the process, which costs no fsync; that follows within so many
   * milliseconds, 1 to 1000.
   */
  readonly syncLagMs?: number;
  /** A new file is begun beyond this size; 4 MiB by default. */
  readonly segmentBytes?: number;
  /** All files together, at most; then appends fail with `store.full`. 256 MiB by default. */
  readonly bytesMax?: number;
  /** For tests of failing disks. */
  readonly createFile?: Disk["create"];
}

interface Waiting {
  readonly payload: Uint8Array;
  readonly resolve: (position: number) => void;
  readonly reject: (fault: Fault) => void;
}

/**
 * A local log of records that must survive kill -9 and loss of power before anybody else has them.
 *
 * Guarantees: a record whose `append` resolved is replayed, in order, until it is truncated; with
 * `syncLagMs` a loss of power may take the records of that time, and a failing disk can make one
 * be replayed twice. One
 * whose `append` rejected is not acknowledged; it may still be replayed if the process dies before
 * the next append succeeds. A damaged or torn record is never replayed. After a full or failing
 * disk recovers, appends succeed again without help.
 *
 * Appends that come together share one fsync. After a failed fsync the file is given up and another
 * one begun: the kernel may have dropped the pages, so that a second fsync would lie.
 */
export class Journal {
  readonly #directory: string;
  readonly #options: JournalOptions;
  readonly #disk: Disk;
  readonly #createFile: Disk["create"];
  readonly #lock: DiskLock;
  /** Oldest first; the last one is being written to when `#file` is set. */
  #segments: Segment[];
  #file: DiskFile | undefined;
  #nextPosition: number;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #state: "open" | "closing" | "closed" = "open";
  /** One writer at a time; flushes and truncations take turns on it. */
  #work: Promise<void> = Promise.resolve();
  #isFlushPlanned: boolean = false;
  /** Acknowledged before their fsync, which is still to come. */
  #unsynced: Uint8Array[] = [];
  #isSyncPlanned: boolean = false;
  #isFailing: boolean = false;

  constructor(
    directory: string,
    options: JournalOptions,
    found: { readonly lock: DiskLock; readonly segments: readonly Segment[] },
  ) {
    this.#directory = directory;
    this.#options = options;
    this.#disk = diskOf(options.world);
    this.#createFile = options.createFile ?? this.#disk.create;
    this.#lock = found.lock;
    this.#segments = [...found.segments];
    this.#nextPosition = (found.segments.at(-1)?.last ?? 0) + 1;
  }

  /** The position that the next acknowledged record will have. */
  get nextPosition(): number {
    return this.#nextPosition;
  }

  /** The disk refused the last write or fsync, and none has succeeded since. */
  get isFailing(): boolean {
    return this.#isFailing;
  }

  /** Bytes of all records that have not been truncated. */
  get bytes(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.bytes, 0);
  }

  /**
   * Resolves with the record's position when it would survive a loss of power, or what `syncLagMs`
   * says. Rejects with `store.full` (disk, or `bytesMax`), `store.disk_failed`, `store.overloaded`, `store.closed`.
   * `record` has at most 1 MiB and must not be changed until then.
   */
  append(record: Uint8Array): Promise<number> {
    assert(record.length <= payloadBytesMax, "a journal's record has at most 1 MiB");
    if (this.#state !== "open") return Promise.reject(storeFaults.closed());
    if (this.#waitingBytes + record.length > waitingBytesMax) {
      return Promise.reject(storeFaults.overloaded({ detail: "the disk is slower than we write" }));
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ payload: record, resolve, reject });
      this.#waitingBytes += record.length + frameHeaderBytes;
      if (!this.#isFlushPlanned) this.#planFlush();
    });
  }

  /** The acknowledged records from `from` on, oldest first; those appended meanwhile may miss. */
  async *replay(from = 1): AsyncGenerator<JournalRecord> {
    for (const segment of [...this.#segments]) {
      if (segment.last < from) continue;
      for (const record of await readRecords(segment, this.#disk)) {
        if (record.position >= from) yield record;
      }
    }
  }

  /** Allows to forget the records before `position`; whole files go, so some may be replayed. */
  truncateBefore(position: number): Promise<void> {
    return this.#exclusively(async () => {
      const active = this.#segments.at(-1);
      const isActiveDone = active !== undefined && active.last < position;
      if (isActiveDone && active.bytes >= replaceBytesMin) {
        // The new file's name keeps the position, so make it before the old one goes.
        await this.#beginSegment().catch((error: unknown) => this.#report("begin", error));
      }
      while (this.#segments.length > 1) {
        const [oldest] = this.#segments;
        if (oldest === undefined || oldest.last >= position) break;
        await removeSegment(oldest, { disk: this.#disk, log: this.#options.log });
        this.#segments.shift();
      }
    });
  }

  /** Writes what waits, then lets go of the directory. Appends from now on are refused. */
  async close(): Promise<void> {
    if (this.#state !== "open") return;
    this.#state = "closing";
    await this.#exclusively(() => this.#flush());
    await this.#leaveFile();
    // What an fsync refused just now has a last chance on another file.
    await this.#exclusively(() => this.#flush());
    await this.#leaveFile();
    this.#state = "closed";
    await this.#lock.release();
  }

  #exclusively(work: () => Promise<void>): Promise<void> {
    const done = this.#work.then(work);
    this.#work = done.catch(() => {});
    return done;
  }

  #planFlush(): void {
    const { windowMs = 1, world } = this.#options;
    const dueMs = world.clock.monotonicMs() + windowMs;
    this.#isFlushPlanned = true;
    void this.#exclusively(async () => {
      // The batch before us took its time: often there is nothing left to wait for.
      const remainingMs = dueMs - world.clock.monotonicMs();
      const isSmall = this.#waitingBytes < batchBytesMax;
      if (remainingMs > 0 && isSmall && this.#state === "open") await sleep(world, remainingMs);
      await this.#flush();
    });
  }

  /** Writes everything that waits as one batch; settles each append, and never rejects. */
  async #flush(): Promise<void> {
    this.#isFlushPlanned = false;
    const batch = this.#waiting;
    if (batch.length === 0) return;
    this.#waiting = [];
    this.#waitingBytes = 0;
    const frames = batch.map(({ payload }, index) =>
      encodeFrame(this.#nextPosition + index, payload),
    );
    try {
      await this.#write(Buffer.concat(frames), batch.length);
      if (this.#options.syncLagMs !== undefined) {
        for (const { payload } of batch) this.#unsynced.push(payload);
        if (!this.#isSyncPlanned) void this.#syncLater(this.#options.syncLagMs);
      }
    } catch (error) {
      const fault = diskFault(error);
      this.#report("write", error);
      for (const { reject } of batch) reject(fault);
      return;
    }
    for (const [index, { resolve }] of batch.entries()) {
      resolve(this.#nextPosition - batch.length + index);
    }
  }

  async #write(bytes: Buffer, count: number): Promise<void> {
    const { segmentBytes = 4 * 1024 * 1024, bytesMax = 256 * 1024 * 1024 } = this.#options;
    if (this.bytes + bytes.length > bytesMax) {
      throw storeFaults.full({ detail: `the journal has its ${bytesMax} bytes: truncate it` });
    }
    const isFull = (this.#segments.at(-1)?.bytes ?? 0) >= segmentBytes;
    if (this.#file === undefined || isFull) await this.#beginSegment();
    const segment = this.#segments.at(-1);
    const file = this.#file;
    assert(segment !== undefined && file !== undefined, "a segment was begun");
    try {
      await file.write(bytes, segment.bytes);
      if (this.#options.syncLagMs === undefined) await file.sync();
    } catch (error) {
      await this.#giveUp(segment, file);
      throw error;
    }
    this.#isFailing = false;
    segment.bytes += bytes.length;
    segment.last += count;
    this.#nextPosition += count;
  }

  /** Takes back what was not acknowledged, as far as the disk lets us, and leaves the file. */
  async #giveUp(segment: Segment, file: DiskFile): Promise<void> {
    await file.truncate(segment.bytes).catch(() => {});
    await this.#leaveFile();
  }

  /** Without holding up appends: they go on while the disk works. */
  async #syncLater(lagMs: number): Promise<void> {
    this.#isSyncPlanned = true;
    let pauseMs = lagMs;
    do {
      await sleep(this.#options.world, pauseMs);
      pauseMs = (await this.#sync()) ? lagMs : badDiskPauseMs;
    } while (this.#unsynced.length > 0 || pauseMs > lagMs);
    this.#isSyncPlanned = false;
  }

  /** Brings what was acknowledged to the disk; where that fails, writes it anew to another file. */
  async #sync(): Promise<boolean> {
    const file = this.#file;
    const records = this.#unsynced;
    if (file === undefined || records.length === 0) return true;
    this.#unsynced = [];
    try {
      await file.sync();
      return true;
    } catch (error) {
      this.#report("sync", error);
      if (this.#file === file) this.#file = undefined;
      await file.close().catch(() => {});
      const isOver = (): void => {};
      const again = records.map((payload) => ({ payload, resolve: isOver, reject: isOver }));
      this.#waiting.unshift(...again);
      if (!this.#isFlushPlanned && this.#state === "open") this.#planFlush();
      return false;
    }
  }

  async #leaveFile(): Promise<void> {
    await this.#sync();
    await this.#file?.close().catch(() => {});
    this.#file = undefined;
  }

  async #beginSegment(): Promise<void> {
    const first = this.#nextPosition;
    const path = segmentPath(this.#directory, first);
    await this.#leaveFile();
    const file = await this.#createFile(path);
    try {
      await this.#disk.syncDirectory(this.#directory);
    } catch (error) {
      await file.close().catch(() => {});
      throw error;
    }
    this.#file = file;
    // A file of this name held nothing acknowledged, and has been replaced.
    this.#segments = this.#segments.filter((segment) => segment.first < first);
    this.#segments.push({ path, first, last: first - 1, bytes: 0 });
  }

  #report(doing: string, error: unknown): void {
    this.#isFailing = true;
    this.#options.log.error("journal_failed", {
      doing,
      directory: this.#directory,
      error: String(error),
    });
  }
}

/**
 * Opens the journal of a directory, made when absent. Throws `store.busy` while another process has
 * it. Damage in the middle, which no crash can cause, is logged; what is readable is kept.
 */
export async function openJournal(directory: string, options: JournalOptions): Promise<Journal> {
  const { windowMs = 1, syncLagMs = 1 } = options;
  assert(windowMs >= 0 && windowMs <= 5, "a journal's window is 0 to 5 ms");
  assert(syncLagMs >= 1 && syncLagMs <= 1_000, "a journal's fsync follows within a second");
  const disk = diskOf(options.world);
  await disk.makeDirectory(directory);
  const lock = await disk.lock(directory).catch((cause: NodeJS.ErrnoException) => {
    const isTaken = cause.code === "EADDRINUSE";
    throw isTaken ? storeFaults.busy({ detail: `${directory} is in use`, cause }) : cause;
  });
  try {
    const segments = await readSegments(directory, { disk, log: options.log });
    // A killed writer may have left whole records that only the kernel has: they count from now on,
    // so they must be as durable as the rest.
    const newest = segments.at(-1);
    if (newest !== undefined) await disk.syncFile(newest.path);
    return new Journal(directory, options, { lock, segments });
  } catch (error) {
    await lock.release();
    throw error;
  }
}

function diskFault(error: unknown): Fault {
  const { code } = error as { code?: unknown };
  if (code === "resource_exhausted") return error as Fault;
  const isFull = code === "ENOSPC" || code === "EDQUOT" || code === "EFBIG";
  const detail = error instanceof Error ? error.message : String(error);
  return storeFaults[isFull ? "full" : "disk_failed"]({ detail, cause: error });
}
