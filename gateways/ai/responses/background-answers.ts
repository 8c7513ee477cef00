import type { JsonObject } from "../dialects/reading.ts";
import { eventsOf, storedEvents } from "../resume/follow-answer.ts";
import type { KnownAnswer, StreamPlace, StreamStore } from "../resume/stream-store.ts";
import { canceledResponse, responseEnded, responseUnderWay } from "./background-view.ts";

/** Makers that may change while one response is canceled. */
const triesMax = 8;

/** What a response in the background is told as now; undefined for what is not kept. */
export async function responseOf(
  store: StreamStore,
  place: StreamPlace,
): Promise<JsonObject | undefined> {
  const meta = await store.read(place);
  if (meta === undefined) return undefined;
  if (meta.ended?.how === "canceled") {
    return canceledResponse(await storedEvents(store, { place, meta }));
  }
  if (meta.ended !== undefined) {
    return responseEnded(eventsOf((await store.end(place, meta)) ?? ""));
  }
  // The first two are enough to say how far it is.
  const blocks = [await store.block(place, meta, 0), await store.block(place, meta, 1)];
  return responseUnderWay(blocks.flatMap((block) => eventsOf(block ?? "")));
}

/** Puts an end to it, unless it has one. */
export async function cancelResponse(store: StreamStore, place: StreamPlace): Promise<void> {
  for (let tries = 0; tries < triesMax; tries += 1) {
    const meta = await store.read(place);
    if (meta === undefined || meta.ended !== undefined) return;
    const blocks = await blocksOf(store, place, meta);
    if (await store.endAs(place, meta, { how: "canceled", blocks })) {
      await store.tellCanceled(place);
      return;
    }
  }
}

/** The number that its maker has saved may be behind. */
async function blocksOf(
  store: StreamStore,
  place: StreamPlace,
  meta: KnownAnswer,
): Promise<number> {
  let { blocks } = meta;
  while ((await store.block(place, meta, blocks)) !== undefined) blocks += 1;
  return blocks;
}
