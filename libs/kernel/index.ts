/**
 * What everybody shares and nobody can do without: faults, ids, money, secrets. The kernel does no
 * input or output, reads no clock and draws no random number; it imports nothing. It fails only by
 * throwing `Fault` for bad input, or an `AssertionFault` for a programmer's mistake.
 */
export { AssertionFault, assert } from "./assert.ts";
export {
  defineFaults,
  Fault,
  type FaultBlame,
  type FaultCode,
  type FaultDefinition,
  type FaultRetry,
  faultCodeToHttpStatus,
  httpStatusToFaultCode,
} from "./fault.ts";
export { type IdPrefix, idFromBytes, idTimestampMs, isId } from "./id.ts";
export { addNanos, formatNanos, NANOS_PER_UNIT, parseNanos, tokensToNanos } from "./money.ts";
export {
  type PriorityName,
  priorities,
  priorityDefault,
  priorityField,
  priorityName,
  priorityOf,
} from "./priority.ts";
export { Secret } from "./secret.ts";
