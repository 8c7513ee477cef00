import type { Exchange } from "@tandem/libs/http";
import type { World } from "@tandem/libs/world";
import { endedComment } from "../hand-over/hand-over.ts";
import type { AnswerListener } from "./answer-listener.ts";
import type { KnownAnswer, StreamMeta, StreamPlace, StreamStore } from "./stream-store.ts";

const pollPeriodMs = 40;
/** A maker beats every second: one that has been silent for so long is dead. */
export const silenceMs = 4_000;

/**
 * How following ended: told to its end; the client left; its maker is gone in the middle, so that
 * somebody else may go on; or there is nothing, or not all of it, to be told.
 */
export type Followed = "told" | "left" | "orphaned" | "lost";

export interface Following {
  readonly world: World;
  readonly store: StreamStore;
  readonly place: StreamPlace;
  readonly meta: KnownAnswer;
  /** What is told last of an answer that was canceled, behind what there is of it. */
  readonly canceled?: (events: readonly string[]) => readonly string[];
}

/**
 * Tells an answer that another replica makes or made, as the store has it. Never ends one like a
 * whole one that is not.
 */
export async function followAnswer(listener: AnswerListener, given: Following): Promise<Followed> {
  const { world, store, place } = given;
  const { exchange } = listener;
  const { clock } = world;
  let { meta } = given;
  let block = 0;
  let events = 0;
  let heardAtMs = clock.monotonicMs();
  let hasLeft = false as boolean;
  exchange.onAbort(() => {
    hasLeft = true;
  });
  for (;;) {
    const { ended } = meta;
    const isOver = isOverIn(meta);
    if (meta.kind === "events" && meta.status > 0) {
      listener.start(meta);
      while (block < (ended?.blocks ?? Number.POSITIVE_INFINITY)) {
        const text = await store.block(place, meta, block);
        if (text === undefined) break;
        block += 1;
        const told = eventsOf(text);
        listener.tellFrom(events + 1, told, () => undefined);
        events += told.length;
        if (!listener.hasRoom) await drained(listener);
      }
    }
    if (hasLeft) return "left";
    if (ended !== undefined)
      return block < ended.blocks ? "lost" : tellEnd(listener, given, { meta, events });
    if (isOver && meta.kind === "body") return tellBody(listener, { meta, store, place });
    if (isOver && listener.hasStarted && block >= meta.blocks) return endOf(listener, meta);
    // Over, and not all there: the store has lost a part.
    if (isOver) return "lost";
    if (meta.state === "left") return "orphaned";
    await pause(world);
    const now = await store.read(place);
    const nowMs = clock.monotonicMs();
    if (now === undefined) return "lost";
    // Somebody else goes on with it, and keeps all of it elsewhere.
    if (now.maker !== meta.maker) return followAnswer(listener, { ...given, meta: now });
    if (now.beat !== meta.beat) heardAtMs = nowMs;
    if (!isOverIn(now) && nowMs - heardAtMs > silenceMs) return "orphaned";
    meta = now;
  }
}

function isOverIn({ isFenced, state, ended }: KnownAnswer): boolean {
  return isFenced ? ended !== undefined : state === "whole" || state === "cut";
}

/** The last words of an answer whose end is fenced. */
async function tellEnd(
  listener: AnswerListener,
  { store, place, canceled }: Following,
  { meta, events }: { readonly meta: KnownAnswer; readonly events: number },
): Promise<Followed> {
  const isCanceled = meta.ended?.how === "canceled";
  const told = isCanceled
    ? canceled?.(await storedEvents(store, { place, meta }))
    : eventsOf((await store.end(place, meta)) ?? "");
  if (!listener.hasStarted || told === undefined) return "lost";
  listener.tellFrom(events + 1, told, () => undefined);
  if (meta.ended?.how !== "cut") listener.exchange.end();
  else cutOnPurpose(listener.exchange);
  return "told";
}

/** The router is to pass it on, and not to look for somebody who goes on. */
function cutOnPurpose(exchange: Exchange): void {
  exchange.write(endedComment);
  exchange.cut();
}

/** All events of an answer that the store has, as they were written. */
export async function storedEvents(
  store: StreamStore,
  { place, meta }: Pick<Following, "place" | "meta">,
): Promise<readonly string[]> {
  const events: string[] = [];
  const blocks = meta.ended?.blocks ?? Number.POSITIVE_INFINITY;
  for (let block = 0; block < blocks; block += 1) {
    const text = await store.block(place, meta, block);
    if (text === undefined) break;
    events.push(...eventsOf(text));
  }
  return events;
}

export function eventsOf(block: string): readonly string[] {
  return block
    .split("\n\n")
    .filter((text) => text !== "")
    .map((text) => `${text}\n\n`);
}

/** Or the client's end: a writer that waits for one who has left would wait for ever. */
function drained({ exchange }: AnswerListener): Promise<void> {
  return new Promise((resolve) => {
    exchange.onDrain(resolve);
    exchange.onFinish(resolve);
  });
}

function endOf({ exchange }: AnswerListener, { state }: StreamMeta): Followed {
  if (state === "whole") exchange.end();
  else cutOnPurpose(exchange);
  return "told";
}

async function tellBody(
  { exchange }: AnswerListener,
  { meta, store, place }: Pick<Following, "meta" | "store" | "place">,
): Promise<Followed> {
  const body = await store.block(place, meta, 0);
  if (body === undefined || meta.state === "cut") return "lost";
  exchange.respond(meta.status, { lines: meta.lines }, body);
  return "told";
}

function pause({ timers }: World): Promise<void> {
  return new Promise((resolve) => {
    timers.after(pollPeriodMs, resolve);
  });
}
