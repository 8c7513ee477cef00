/**
 * Who is let in when there is more to do than this replica can. A request has the priority of its
 * key, or a lower one that it names itself; probes and the management plane do not come by here,
 * and are never turned away for what models are asked.
 */
import { priorities, priorityField, priorityOf } from "@tandem/libs/kernel";
import { LoadShedder } from "@tandem/libs/resilience";
import type { Lifecycle, Site } from "@tandem/libs/service";
import type { Timers } from "@tandem/libs/world";
import type { Call } from "./call.ts";
import type { AiConfig } from "./config.ts";
import { aiFaults } from "./faults.ts";
import { handOverField } from "./hand-over/hand-over.ts";
import type { AiParts } from "./parts.ts";

const tickPeriodMs = 50;
/** Of the router: another replica may have done this request already. */
const begunField = "x-tandem-begun";

/** A shedder that looks at this process's event loop, which is what a gateway runs out of. */
export function buildShedder(
  { world, metrics }: Site,
  lifecycle: Lifecycle,
  given: { readonly config: AiConfig["shedding"]; readonly vigil: Pick<Timers, "every"> },
): LoadShedder {
  const shedder = new LoadShedder({ lagMs: given.config.lagMs, perSecondMin });
  const gauge = metrics.gauge({
    name: "tandem_shedding_pressure",
    help: "0: nobody is turned away; each 1 is one priority, lowest first.",
    labels: [],
  });
  let lookedMs = world.clock.monotonicMs();
  const timer = given.vigil.every(tickPeriodMs, () => {
    const nowMs = world.clock.monotonicMs();
    const wasIdle = shedder.isIdle;
    shedder.tick(nowMs - lookedMs, tickPeriodMs);
    lookedMs = nowMs;
    if (!wasIdle || !shedder.isIdle) gauge.set(shedder.pressure, {});
  });
  lifecycle.defer("shedder", () => timer.cancel());
  return shedder;
}

/** Requests a second at one replica below which its load is not their doing. */
const perSecondMin = 100;

/**
 * Gives the call its priority and throws `ai.overloaded` when there is no room for that. `ceiling`:
 * its key's. What another replica has begun is gone on with, whatever it is: that one may have
 * charged for it already, and whoever is charged is answered.
 */
export function admitByPriority(call: Call, { shedder, world }: AiParts, ceiling: number): void {
  const { headers } = call.exchange.head;
  const named = headers.get(priorityField);
  const wanted = named === undefined ? undefined : priorityOf(named);
  call.priority = wanted !== undefined && wanted < ceiling ? wanted : ceiling;
  const fraction = shedder.isIdle ? 1 : world.randomness.fraction();
  const isAdmitted = shedder.admits(call.priority, fraction);
  if (isAdmitted || headers.has(handOverField) || headers.has(begunField)) return;
  call.isShed = true;
  throw aiFaults.overloaded({ retryAfterMs: retryAfterMs(world.randomness.fraction()) });
}

/** Those that were turned away together do not come back together. */
function retryAfterMs(fraction: number): number {
  return Math.round(1_000 + fraction * 2_000);
}

/** Throws `ai.invalid_parameter` where the field names no priority. */
export function checkPriorityField({ exchange }: Call): void {
  const named = exchange.head.headers.get(priorityField);
  if (named === undefined || priorityOf(named) !== undefined) return;
  throw aiFaults.invalid_parameter({
    publicMessage: `Invalid \`${priorityField}\`: it must be one of ${priorities.join(", ")}.`,
    context: { parameter: priorityField },
  });
}
