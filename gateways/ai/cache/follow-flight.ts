import type { PhaseResult } from "@tandem/libs/gateway";
import type { Call } from "../call.ts";
import { aiFaults } from "../faults.ts";
import { keepAlive } from "../keep-alive.ts";
import type { AiParts } from "../parts.ts";
import type { AnswerPlace } from "./answer-cache.ts";
import type { StoredAnswer } from "./answer-memory.ts";

/** Who has waited for so many others in vain makes the answer itself, beside everybody else. */
const waitsMax = 2;

export interface Sought {
  readonly place: AnswerPlace;
  readonly answerWith: (call: Call, answer: StoredAnswer) => "answered";
}

/**
 * For an answer that is not in the cache: leads, or waits for who does. Whole answers only; a
 * stream that waited would give its first word when it could have given its last.
 */
export function leadOrFollow(
  call: Call,
  parts: AiParts,
  sought: Sought,
): PhaseResult | Promise<PhaseResult> {
  return leads(call, parts, sought) ? "done" : follow(call, parts, sought);
}

function leads(call: Call, { flights }: AiParts, { place }: Sought): boolean {
  const isFirst = flights.lead(place.key);
  if (isFirst) call.flight = place.key;
  return isFirst;
}

async function follow(call: Call, parts: AiParts, sought: Sought): Promise<PhaseResult> {
  const { place, answerWith } = sought;
  for (let waits = 0; waits < waitsMax; waits += 1) {
    await landing(call, parts, place.key);
    if (call.hasClientLeft) {
      call.outcome = "canceled";
      throw aiFaults.client_left();
    }
    const found = parts.cache.find(place);
    if (found !== undefined) return answerWith(call, found);
    if (leads(call, parts, sought)) break;
  }
  return "done";
}

/** Resolves when who leads is through, or the client has left. */
function landing(call: Call, { flights, watchdog, config }: AiParts, key: string): Promise<void> {
  return new Promise((resolve) => {
    const patience = { tick: (nowMs: number): void => keepAlive(call, config, nowMs) };
    const end = (): void => {
      leave();
      watchdog.unwatch(patience);
      call.onLeave = undefined;
      resolve();
    };
    const leave = flights.follow(key, end);
    watchdog.watch(patience);
    call.onLeave = end;
    if (call.hasClientLeft) end();
  });
}
