/**
 * Every upstream with what is known of it, as this replica sees it now: declared in the file, found
 * on this machine, added by the management API; and the findings of whichever replica looks.
 */
import { createVersionFeed, type VersionFeed } from "@tandem/libs/service";
import type { World } from "@tandem/libs/world";
import { type DeclaredUpstream, mergeUpstreams } from "../core/declared-upstream.ts";
import type { Finding, UpstreamStore } from "../store/upstream-store.ts";

export interface Directory {
  readonly feed: VersionFeed;
  readonly upstreams: ReadonlyMap<string, DeclaredUpstream>;
  finding(upstream: string): Finding | undefined;
  /** True once the database was read; until then only what needs no database is known. */
  readonly isComplete: boolean;
  /** Reads the store again and wakes those who wait for a newer version. */
  refresh(): Promise<void>;
}

export function createDirectory(
  world: World,
  { store, declared }: { store: UpstreamStore; declared: readonly DeclaredUpstream[] },
): Directory {
  const feed = createVersionFeed(world.timers);
  let upstreams = mergeUpstreams(declared);
  let findings: ReadonlyMap<string, Finding> = new Map();
  let isComplete = false;
  let refreshing: Promise<void> = Promise.resolve();

  async function read(): Promise<void> {
    // The version first: what changes meanwhile is read again with the next notification.
    const version = await store.readVersion();
    const [managed, found] = await Promise.all([store.listManaged(), store.listFindings()]);
    upstreams = mergeUpstreams([...declared, ...managed]);
    findings = new Map(found.map((finding) => [finding.upstream, finding]));
    isComplete = true;
    feed.advance(version);
  }

  return {
    feed,
    get upstreams() {
      return upstreams;
    },
    get isComplete() {
      return isComplete;
    },
    finding: (upstream) => findings.get(upstream),
    refresh() {
      // One after the other, so that an older reading never overwrites a newer one.
      refreshing = refreshing.catch(() => undefined).then(read);
      return refreshing;
    },
  };
}
