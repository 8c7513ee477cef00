import type { Exchange } from "@tandem/libs/http";
import type { World } from "@tandem/libs/world";
import { numbered } from "../core/stream/event-log.ts";
import type { StreamMeta, StreamPlace, StreamStore } from "./stream-store.ts";

const pollPeriodMs = 40;
/** A maker beats every second: one that has been silent for so long is dead. */
const silenceMs = 4_000;

/** How following ended: told to its end; the client left; or its maker died in the middle. */
export type Followed = "told" | "left" | "dead";

/**
 * Tells an answer that another replica makes or made, from event `after` on, as the store has it.
 * Never ends one like a whole one that is not.
 */
export async function followAnswer(
  exchange: Exchange,
  given: {
    readonly world: World;
    readonly store: StreamStore;
    readonly place: StreamPlace;
    readonly meta: StreamMeta;
    readonly after: number;
  },
): Promise<Followed> {
  const { world, store, place, after } = given;
  const { clock } = world;
  let { meta } = given;
  let block = 0;
  let event = 0;
  let isStarted = false;
  let heardAtMs = clock.monotonicMs();
  let hasLeft = false as boolean;
  exchange.onAbort(() => {
    hasLeft = true;
  });
  for (;;) {
    const isOver = meta.state !== "running";
    if (meta.kind === "events" && meta.status > 0) {
      if (!isStarted) exchange.startStream(meta.status, { lines: meta.lines });
      isStarted = true;
      for (;;) {
        const text = await store.block(place, block);
        if (text === undefined) break;
        block += 1;
        event = await tellBlock(exchange, { text, event, after });
      }
    }
    if (hasLeft) return "left";
    if (isOver && meta.kind === "body") return tellBody(exchange, { meta, store, place });
    if (isOver && isStarted && block >= meta.blocks) return endOf(exchange, meta);
    // Over, and not all there: the store has lost a part.
    if (isOver) return "dead";
    await pause(world);
    const now = await store.read(place);
    const nowMs = clock.monotonicMs();
    if (now !== undefined && now.beat !== meta.beat) heardAtMs = nowMs;
    if (now === undefined || (now.state === "running" && nowMs - heardAtMs > silenceMs)) {
      return "dead";
    }
    meta = now;
  }
}

async function tellBlock(
  exchange: Exchange,
  given: { readonly text: string; readonly event: number; readonly after: number },
): Promise<number> {
  let { event } = given;
  let told = "";
  for (const text of given.text.split("\n\n")) {
    if (text === "") continue;
    event += 1;
    if (event > given.after) told += numbered(`${text}\n\n`, event);
  }
  if (told !== "" && !exchange.write(told)) await drained(exchange);
  return event;
}

/** Or the client's end: a writer that waits for one who has left would wait for ever. */
function drained(exchange: Exchange): Promise<void> {
  return new Promise((resolve) => {
    exchange.onDrain(resolve);
    exchange.onFinish(resolve);
  });
}

function endOf(exchange: Exchange, { state }: StreamMeta): Followed {
  if (state === "whole") exchange.end();
  else exchange.cut();
  return "told";
}

async function tellBody(
  exchange: Exchange,
  given: { readonly meta: StreamMeta; readonly store: StreamStore; readonly place: StreamPlace },
): Promise<Followed> {
  const { meta, store, place } = given;
  const body = await store.block(place, 0);
  if (body === undefined || meta.state === "cut") return "dead";
  exchange.respond(meta.status, { lines: meta.lines }, body);
  return "told";
}

function pause({ timers }: World): Promise<void> {
  return new Promise((resolve) => {
    timers.after(pollPeriodMs, resolve);
  });
}
