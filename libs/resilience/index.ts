/**
 * How calls survive what they call: limits, balancing, ejection, breakers, retries and deadlines as
 * state machines without clock, randomness or input and output of their own (DESIGN D4).
 */
export {
  checkGcraDemand,
  type GcraDecision,
  type GcraDemand,
  type GcraLimit,
  type GcraState,
  type GcraVerdict,
  gcraDecide,
  gcraFits,
  gcraLevel,
} from "./gcra.ts";
