/**
 * The revocation feed of one replica: the newest revocations in memory, woken by notifications of
 * the database, which carry those of the other replicas too, and by a look once a second in case
 * one was lost. It answers only while it knows that it knows: when the database has not been read
 * for 2.5 s, watchers are refused, so that gateways count it as silence and not as good news.
 * Unless every replica says that it cannot read it either: then nobody can revoke anything, and
 * what is known stays true; the answer says that it is degraded.
 */
import { createVersionFeed, type Lifecycle, type VersionFeed } from "@tandem/libs/service";
import { type Database, type Selectable, sql, subscribe } from "@tandem/libs/store";
import { authFaults } from "./faults.ts";
import type { FellowWords } from "./fellow-words.ts";
import { revocationChannel } from "./store/action.ts";
import type { Schema } from "./store/schema.ts";

export type RevocationRow = Pick<
  Selectable<Schema["revocations"]>,
  "sequence" | "key_id" | "session_id"
>;

/** Revocations kept in memory; who is further behind starts anew. */
const keptMax = 4096;
const lookPeriodMs = 1_000;
const trustMs = 2_500;
const prunePeriodMs = 600_000;
/** How long a watcher waits for an answer that others have to vouch for. */
const vouchedWaitMs = 500;

export interface RevocationNews {
  readonly sequence: bigint;
  readonly revocations: readonly RevocationRow[];
  readonly reset: boolean;
  /** Nobody can read the database at the moment. */
  readonly isDegraded: boolean;
}

export interface RevocationHub {
  /** Whether the database was read lately, and up to where. */
  readonly standing: { readonly isCut: boolean; readonly sequence: bigint };
  /** What came after `after`; waits for it. Throws `auth.feed_lost`. */
  watch(
    after: bigint,
    options: { readonly waitMs: number; readonly onAbandon: (run: () => void) => void },
  ): Promise<RevocationNews>;
}

export function startRevocationHub(
  database: Database<Schema>,
  lifecycle: Lifecycle,
  fellows: FellowWords,
): RevocationHub {
  const hub = new Hub(database, fellows);
  const { world, log, url } = database;
  const subscription = subscribe(url, revocationChannel, () => hub.look(), {
    world,
    log,
    onReconnect: () => hub.look(),
  });
  const looking = world.timers.every(lookPeriodMs, () => void hub.look());
  const pruning = world.timers.every(prunePeriodMs, () => void hub.prune());
  lifecycle.onDrain(() => hub.feed.release());
  lifecycle.defer("revocation feed", async () => {
    looking.cancel();
    pruning.cancel();
    hub.feed.release();
    await subscription.close();
  });
  return hub;
}

class Hub implements RevocationHub {
  feed: VersionFeed;
  readonly #database: Database<Schema>;
  readonly #fellows: FellowWords;
  #kept: RevocationRow[] = [];
  /** Everything after this sequence is in `#kept`. */
  #floor = -1n;
  #readAtMs = Number.NEGATIVE_INFINITY;
  #looking: Promise<void> | undefined;
  #mustLookAgain: boolean = false;

  constructor(database: Database<Schema>, fellows: FellowWords) {
    this.#database = database;
    this.#fellows = fellows;
    this.feed = createVersionFeed(database.world.timers);
  }

  async watch(
    after: bigint,
    options: { readonly waitMs: number; readonly onAbandon: (run: () => void) => void },
  ): Promise<RevocationNews> {
    if (!this.#isTrusted) await this.look();
    const waitMs = this.#isTrusted ? options.waitMs : Math.min(options.waitMs, vouchedWaitMs);
    const sequence = await this.feed.wait(after, { ...options, waitMs });
    const isDegraded = !this.#isTrusted;
    if (isDegraded) await this.#checkVouched(after);
    // Zero is a watcher that holds nothing yet; one ahead of us has seen another history.
    if (after === 0n || after > sequence || after < this.#floor) {
      return { sequence, revocations: [], reset: sequence !== after, isDegraded };
    }
    const revocations = this.#kept.filter((row) => row.sequence > after);
    return { sequence, revocations, reset: false, isDegraded };
  }

  /** Reads what is new. Looks asked for while one is under way become one more. */
  look(): Promise<void> {
    if (this.#looking !== undefined) {
      this.#mustLookAgain = true;
      return this.#looking;
    }
    this.#looking = this.#lookUntilQuiet().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async prune(): Promise<void> {
    await sql`delete from revocations where at < now() - interval '1 day'`
      .execute(this.#database)
      .catch(() => undefined);
  }

  get #isTrusted(): boolean {
    return this.#database.world.clock.monotonicMs() - this.#readAtMs <= trustMs;
  }

  get standing(): { readonly isCut: boolean; readonly sequence: bigint } {
    return { isCut: !this.#isTrusted, sequence: this.feed.version };
  }

  /** A watcher that has heard more than we have knows of somebody who can read. */
  async #checkVouched(after: bigint): Promise<void> {
    const sequence = this.feed.version;
    const hasRead = this.#floor >= 0n && after <= sequence;
    if (hasRead && (await this.#fellows.areAllCut(sequence))) return;
    throw authFaults.feed_lost({ retryAfterMs: lookPeriodMs });
  }

  async #lookUntilQuiet(): Promise<void> {
    do {
      this.#mustLookAgain = false;
      try {
        await this.#read();
      } catch {
        // Watchers are told once trust runs out; the next look is a second away.
        return;
      }
    } while (this.#mustLookAgain);
  }

  async #read(): Promise<void> {
    const startedMs = this.#database.world.clock.monotonicMs();
    const known = this.feed.version;
    const { rows } = await sql<
      { head: bigint } & { [Name in keyof RevocationRow]: RevocationRow[Name] | null }
    >`
      select head.sequence as head, r.sequence, r.key_id, r.session_id
      from revocation_head head
      left join lateral (
        select sequence, key_id, session_id from revocations
        where sequence > ${known} order by sequence desc limit ${keptMax}
      ) r on true
      order by r.sequence`.execute(this.#database);
    const head = rows[0]?.head ?? 0n;
    if (head < known) return this.#startAnew();
    const news: RevocationRow[] = [];
    for (const { sequence, key_id, session_id } of rows) {
      if (sequence === null || key_id === null || session_id === null) continue;
      news.push({ sequence, key_id, session_id });
    }
    this.#keep(news, head);
    this.#readAtMs = startedMs;
    this.feed.advance(head);
  }

  /** The database was set back to an earlier state: what we told of is not in it any more. */
  #startAnew(): void {
    this.feed.release();
    this.feed = createVersionFeed(this.#database.world.timers);
    this.#kept = [];
    this.#floor = -1n;
    this.#mustLookAgain = true;
  }

  #keep(news: readonly RevocationRow[], head: bigint): void {
    const first = news[0];
    const isGapless =
      first === undefined ? head === this.feed.version : first.sequence === this.feed.version + 1n;
    if (this.#floor < 0n || !isGapless) {
      this.#kept = [...news];
      this.#floor = first === undefined ? head : first.sequence - 1n;
      return;
    }
    this.#kept.push(...news);
    if (this.#kept.length <= keptMax) return;
    this.#kept = this.#kept.slice(-keptMax);
    this.#floor = (this.#kept[0]?.sequence ?? head + 1n) - 1n;
  }
}
