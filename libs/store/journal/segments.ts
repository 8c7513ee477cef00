import { join } from "node:path";
import type { Log } from "../../telemetry/index.ts";
import type { Disk } from "../../world/index.ts";
import { decodeFrames, frameHeaderBytes, type JournalRecord } from "./frame.ts";

const suffix = ".journal";
const namePattern = /^([0-9]{16})\.journal$/;

/** A file of consecutive records; its name is the position of the first. */
export interface Segment {
  readonly path: string;
  readonly first: number;
  /** Position of the last acknowledged record; `first - 1` while there is none. */
  last: number;
  /** Up to the end of that record. */
  bytes: number;
}

export function segmentPath(directory: string, first: number): string {
  return join(directory, `${String(first).padStart(16, "0")}${suffix}`);
}

/**
 * Reads what is there, oldest first. A segment ends where the next one says it does: what is beyond
 * is a tail that was never acknowledged. Where records are missing in between, acknowledged ones
 * are gone: the disk lost them, or somebody removed a file. That is logged, and the rest is kept.
 */
export async function readSegments(
  directory: string,
  { disk, log }: { readonly disk: Disk; readonly log: Log },
): Promise<readonly Segment[]> {
  const firsts = (await disk.list(directory))
    .map((name) => Number(namePattern.exec(name)?.[1] ?? Number.NaN))
    .filter((first) => Number.isSafeInteger(first) && first >= 1)
    .sort((left, right) => left - right);
  const segments: Segment[] = [];
  for (const [index, first] of firsts.entries()) {
    const path = segmentPath(directory, first);
    const end = firsts[index + 1] ?? Number.POSITIVE_INFINITY;
    const content = await disk.read(path);
    const records = decodeFrames(content, first).filter(({ position }) => position < end);
    const last = first + records.length - 1;
    const bytes = sizeOf(records);
    if (Number.isFinite(end) && last < end - 1) {
      log.error("journal_damaged", { path, missing: end - 1 - last });
    }
    if (!Number.isFinite(end) && bytes < content.length) {
      log.warn("journal_tail_dropped", { path, bytes: content.length - bytes });
    }
    segments.push({ path, first, last, bytes });
  }
  return segments;
}

/** The acknowledged records of one segment; none when it has been truncated meanwhile. */
export async function readRecords(segment: Segment, disk: Disk): Promise<readonly JournalRecord[]> {
  const content = await disk.read(segment.path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return Buffer.alloc(0);
    throw error;
  });
  const records = decodeFrames(content, segment.first);
  return records.filter(({ position }) => position <= segment.last);
}

export async function removeSegment(
  segment: Segment,
  { disk, log }: { readonly disk: Disk; readonly log: Log },
): Promise<void> {
  try {
    await disk.remove(segment.path);
  } catch (error) {
    // It will be read again after a restart, which replay allows.
    log.warn("journal_segment_kept", { path: segment.path, error: String(error) });
  }
}

function sizeOf(records: readonly JournalRecord[]): number {
  return records.reduce((sum, { payload }) => sum + frameHeaderBytes + payload.length, 0);
}
