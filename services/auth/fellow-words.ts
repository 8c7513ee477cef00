/**
 * What the replicas of auth tell one another through the hot store, twice a second: whether they
 * can read the database, and how far they have read. It serves one question, asked only while the
 * database is away: can anybody revoke a key now? Without the hot store there is no answer.
 */
import { type Lifecycle, replicasOf, type Site } from "@tandem/libs/service";
import { type HotStore, hotKey } from "@tandem/libs/store/hot";
import { areAllCut, decodeWord, encodeWord, type FellowWord } from "./core/vouching.ts";

const sayPeriodMs = 500;
/** Who has not said anything for this long may be doing anything. */
const wordKeptMs = 2_000;

export interface FellowWords {
  /** No replica can read the database, and none has read beyond this sequence. */
  areAllCut(sequence: bigint): Promise<boolean>;
}

export function startFellowWords(
  site: Pick<Site, "id" | "topology" | "world">,
  lifecycle: Lifecycle,
  parts: { readonly hotStore: HotStore; readonly standing: () => FellowWord },
): FellowWords {
  const { hotStore, standing } = parts;
  const keyOf = (id: string): string => hotKey("auth-feed", id);
  // What is not heard counts against vouching, so a word that is lost harms nobody.
  const say = (): void => {
    hotStore
      .set(keyOf(site.id), encodeWord(standing()), { ttlMs: wordKeptMs })
      .catch(() => undefined);
  };
  say();
  const saying = site.world.timers.every(sayPeriodMs, say);
  lifecycle.defer("words to fellows", () => saying.cancel());
  return {
    async areAllCut(sequence) {
      const ids = replicasOf(site.topology, "auth")
        .map(({ id }) => id)
        .filter((id) => id !== site.id);
      try {
        const words = await Promise.all(
          ids.map(async (id) => decodeWord((await hotStore.get(keyOf(id)))?.toString() ?? "")),
        );
        return areAllCut(words, sequence);
      } catch {
        return false;
      }
    },
  };
}
