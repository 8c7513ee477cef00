import { fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import { Fault } from "@tandem/libs/kernel";
import type { Log } from "@tandem/libs/telemetry";
import { sleep, type World } from "@tandem/libs/world";
import { aborted } from "./aborted.ts";
import type { SnapshotFile } from "./snapshot-file.ts";

export interface SnapshotFeed<Snapshot extends Message> {
  /** For log lines: `catalogue`. */
  readonly name: string;
  readonly schema: GenMessage<Snapshot>;
  readonly file: SnapshotFile;
  readonly versionOf: (snapshot: Snapshot) => bigint;
  /** Asks for a snapshot newer than this; answers with an old one when there is none in time. */
  readonly watch: (afterVersion: bigint, waitMs: number) => Promise<Snapshot>;
  /** Throws when the snapshot makes no sense; the last good one stays then. */
  readonly apply: (snapshot: Snapshot) => void;
  readonly world: World;
  readonly log: Log;
}

/** How long one poll waits for news. */
export const snapshotPollMs = 10_000;
const firstPauseMs = 50;
const longestPauseMs = 2_000;

/** Takes the snapshot on disk, where there is a good one. */
export async function restoreSnapshot<Snapshot extends Message>(
  feed: SnapshotFeed<Snapshot>,
): Promise<void> {
  const bytes = await feed.file.read();
  if (bytes === undefined) return;
  try {
    feed.apply(fromBinary(feed.schema, bytes));
    feed.log.info("snapshot_restored", { feed: feed.name });
  } catch (error) {
    feed.log.warn("snapshot_unusable", { feed: feed.name, error: String(error) });
  }
}

/** Follows a feed by long polls until `signal` aborts; what fails is asked again. */
export function followSnapshots<Snapshot extends Message>(
  feed: SnapshotFeed<Snapshot>,
  signal: AbortSignal,
): Promise<void> {
  // A poll under way is not waited for at the end.
  return Promise.race([poll(feed, signal), aborted(signal)]);
}

async function poll<Snapshot extends Message>(
  feed: SnapshotFeed<Snapshot>,
  signal: AbortSignal,
): Promise<void> {
  const { world, log, name } = feed;
  let version = 0n;
  let pauseMs = firstPauseMs;
  let isSilent = false;
  while (!signal.aborted) {
    try {
      const snapshot = await feed.watch(version, version === 0n ? 0 : snapshotPollMs);
      if (isSilent) log.info("feed_back", { feed: name });
      isSilent = false;
      pauseMs = firstPauseMs;
      const newer = feed.versionOf(snapshot);
      // A version that runs backwards is another history, such as a restored database.
      if (newer === version) continue;
      version = newer;
      feed.apply(snapshot);
      await keep(feed, snapshot);
    } catch (error) {
      if (!isSilent) log.warn("feed_silent", { feed: name, reason: Fault.from(error).message });
      isSilent = true;
      await sleep(world, pauseMs);
      pauseMs = Math.min(pauseMs * 2, longestPauseMs);
    }
  }
}

async function keep<Snapshot extends Message>(
  { file, schema, log, name }: SnapshotFeed<Snapshot>,
  snapshot: Snapshot,
): Promise<void> {
  try {
    await file.write(toBinary(schema, snapshot));
  } catch (error) {
    log.warn("snapshot_not_kept", { feed: name, error: String(error) });
  }
}
