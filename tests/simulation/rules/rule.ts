import type { ClientRequest, FaultNote, History } from "../history.ts";

/** A promise of the product, checked against what happened in a run. Pure. */
export interface Rule {
  readonly name: string;
  /** What contradicts it; empty when it held. */
  check(history: History): readonly string[];
}

export function describe(request: ClientRequest): string {
  const { number, requestId, outcome, status, errorCode } = request;
  const kind = request.isStream ? "stream" : "whole answer";
  return `request ${number} (${kind}, ${requestId || "no id"}, ${outcome} ${status} ${errorCode})`;
}

/** Faults of these kinds that touched a target in a span of time. */
export function faultsIn(
  { faults }: History,
  span: { readonly fromMs: number; readonly untilMs: number },
  wanted: (fault: FaultNote) => boolean,
): readonly FaultNote[] {
  return faults.filter(
    (fault) => fault.fromMs <= span.untilMs && fault.untilMs >= span.fromMs && wanted(fault),
  );
}

/** The router that a client was connected to went away under it, or the way to it did. */
export function lostItsRouter(history: History, request: ClientRequest): boolean {
  const span = { fromMs: request.sentAtMs, untilMs: request.endedAtMs };
  return (
    faultsIn(history, span, ({ kind, target }) => {
      return (kind === "kill" || kind === "reset") && target.includes(request.router);
    }).length > 0
  );
}

/** The request's id without the mark of a rest. */
export function restless(settlementId: string): string {
  return settlementId.replace(/\+rest\d*$/, "");
}

/** Settlements by request; what two replicas settled of one is two, the second one a rest. */
export function settlementsOf(history: History) {
  return Map.groupBy(history.settlements, ({ requestId }) => restless(requestId));
}
