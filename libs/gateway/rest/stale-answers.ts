/**
 * The last good answers to reads, kept for when the service behind is away (RFC 5861,
 * `stale-if-error`). What goes in was allowed to the same organisation, or the same caller, through
 * the same route; permissions are checked anew before it comes out. Bounded in bytes and in age.
 *
 * Besides this replica's own memory there may be copies in the hot store, for what another replica
 * answered, or this one before it was restarted. They are sealed and bound to their name, so the
 * store alone opens none and none can be moved to another tenant's place.
 */
import { createCipheriv, createDecipheriv, createHmac, hkdfSync } from "node:crypto";
import { type HotStore, hotKey } from "../../store/hot/index.ts";
import type { World } from "../../world/index.ts";
import type { StoredAnswer } from "./idempotency.ts";

interface Entry {
  readonly answer: StoredAnswer;
  readonly storedMs: number;
  readonly bytes: number;
}

/** An answer and its age in whole seconds. */
export interface StaleAnswer {
  readonly answer: StoredAnswer;
  readonly ageSeconds: number;
}

export interface StaleAnswers {
  keep(name: string, answer: StoredAnswer): void;
  /** From memory; undefined when there is none young enough. */
  find(name: string): StaleAnswer | undefined;
  /** From the hot store, where there is one; never rejects. */
  findShared(name: string): Promise<StaleAnswer | undefined>;
  /** Forgets everything whose name begins so: an organisation whose data changed hands. */
  forget(prefix: string): void;
}

export interface StaleOptions {
  readonly bytesMax: number;
  readonly ageMsMax: number;
  readonly monotonicMs: () => number;
  /** Absent: memory alone. */
  readonly shared?: SharedOptions;
}

export interface SharedOptions {
  readonly store: Pick<HotStore, "get" | "set">;
  /** The platform's pepper; the same for all replicas of a gateway. */
  readonly secret: Uint8Array;
  readonly world: World;
}

export function createStaleAnswers(options: StaleOptions): StaleAnswers {
  // In order of storing: the first entry is the oldest.
  const entries = new Map<string, Entry>();
  const shared = options.shared && createSharedAnswers(options.shared, options.ageMsMax);
  let bytes = 0;
  const remove = (name: string): void => {
    bytes -= entries.get(name)?.bytes ?? 0;
    entries.delete(name);
  };
  return {
    keep(name, answer) {
      remove(name);
      const entry: Entry = {
        answer,
        storedMs: options.monotonicMs(),
        bytes: (name.length + answer.body.length) * 2 + 256,
      };
      if (entry.bytes > options.bytesMax / 8) return;
      entries.set(name, entry);
      bytes += entry.bytes;
      shared?.keep(name, answer);
      for (const oldest of entries.keys()) {
        if (bytes <= options.bytesMax) break;
        remove(oldest);
      }
    },
    find(name) {
      const entry = entries.get(name);
      if (entry === undefined) return undefined;
      const ageMs = options.monotonicMs() - entry.storedMs;
      if (ageMs > options.ageMsMax) {
        remove(name);
        return undefined;
      }
      return { answer: entry.answer, ageSeconds: Math.floor(ageMs / 1000) };
    },
    findShared: async (name) => shared?.find(name),
    forget(prefix) {
      for (const name of entries.keys()) if (name.startsWith(prefix)) remove(name);
    },
  };
}

interface SharedRecord {
  readonly answer: StoredAnswer;
  /** Of the wall clock: another machine's is as good within seconds. */
  readonly storedMs: number;
}

function createSharedAnswers({ store, secret, world }: SharedOptions, ageMsMax: number) {
  const key = Buffer.from(hkdfSync("sha256", secret, "", "stale answers", 32));
  const placeOf = (name: string): string => {
    const [organisationId = ""] = name.split(" ");
    const mac = createHmac("sha256", key).update(name).digest("base64url");
    return hotKey(organisationId || "platform", "stale", mac);
  };
  return {
    /** A store that is away costs the copy, nothing else. */
    keep(name: string, answer: StoredAnswer): void {
      const nonce = world.randomness.bytes(12);
      const cipher = createCipheriv("aes-256-gcm", key, nonce).setAAD(Buffer.from(name));
      const record: SharedRecord = { answer, storedMs: world.clock.nowMs() };
      const content = Buffer.concat([
        cipher.update(JSON.stringify(record), "utf8"),
        cipher.final(),
      ]);
      const sealed = Buffer.concat([nonce, cipher.getAuthTag(), content]);
      store.set(placeOf(name), sealed, { ttlMs: ageMsMax }).catch(() => undefined);
    },
    async find(name: string): Promise<StaleAnswer | undefined> {
      try {
        const sealed = await store.get(placeOf(name));
        if (sealed === undefined) return undefined;
        const decipher = createDecipheriv("aes-256-gcm", key, sealed.subarray(0, 12))
          .setAAD(Buffer.from(name))
          .setAuthTag(sealed.subarray(12, 28));
        const text = Buffer.concat([decipher.update(sealed.subarray(28)), decipher.final()]);
        const { answer, storedMs } = JSON.parse(text.toString("utf8")) as SharedRecord;
        const ageMs = Math.max(0, world.clock.nowMs() - storedMs);
        if (ageMs > ageMsMax) return undefined;
        return { answer, ageSeconds: Math.floor(ageMs / 1000) };
      } catch {
        // Away, or not what was put there: there is no copy.
        return undefined;
      }
    },
  };
}
