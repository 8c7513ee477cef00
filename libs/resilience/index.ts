/**
 * How calls survive what they call: limits, balancing, ejection, breakers, retries and deadlines as
 * state machines without clock, randomness or input and output of their own.
 */

export {
  type Choice,
  type ChooseOptions,
  chooseReplica,
  type ReplicaCandidate,
} from "./choose-replica.ts";
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
export { LoadShedder, type ShedderParameters, shedderDefault } from "./load-shedder.ts";
export { failureLatencyMs, PeakEwma } from "./peak-ewma.ts";
export {
  type Availability,
  type HealthParameters,
  healthDefault,
  ReplicaHealth,
} from "./replica-health.ts";
export { ReplicaTally, type TallyFigures } from "./replica-tally.ts";
export { RetryBudget, type RetryBudgetParameters, retryBudgetDefault } from "./retry-budget.ts";
export { drawSide, type Trial, trialOf } from "./trial.ts";
