import { type Lifecycle, type Site, tellHotStore } from "@tandem/libs/service";
import { type HotStore, openHotStore } from "@tandem/libs/store/hot";
import { AnswerCache } from "./cache/answer-cache.ts";
import type { AiConfig } from "./config.ts";

export async function buildCache(
  site: Site,
  lifecycle: Lifecycle,
  config: AiConfig["cache"],
): Promise<{ readonly cache: AnswerCache; readonly hotStore: HotStore }> {
  const { world, log, keys } = site;
  const hotStore = await openHotStore(site.hotStoreUrl, { world, log });
  lifecycle.defer("hot store", () => hotStore.close());
  tellHotStore(site, hotStore);
  const cache = new AnswerCache({
    world,
    log,
    hotStore,
    secret: keys.apiKeyPepper,
    memoryBytes: config.memoryBytes,
    ttlMs: config.ttlMs,
    answerBytesMax: config.answerBytes,
  });
  return { cache, hotStore };
}
