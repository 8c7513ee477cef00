import { describe, faultsIn, lostItsRouter, type Rule, settlementsOf } from "./rule.ts";

/** What was accepted is not lost without a word. */
export const acceptedIsNotLost: Rule = {
  name: "1 accepted is not lost",
  check: (history) =>
    history.requests
      .filter((request) => {
        if (request.outcome === "open") return true;
        return request.outcome === "unreachable" && !lostItsRouter(history, request);
      })
      .map((request) => `${describe(request)} ended without a word`),
};

/** So long after a fault its traces may still be seen. */
const calmMs = 6_000;

/** Completed, failed with a typed error, or cancelled; exactly one of them, and told alike. */
export const oneOutcome: Rule = {
  name: "2 exactly one outcome",
  check(history) {
    const settled = settlementsOf(history);
    const problems: string[] = [];
    for (const request of history.requests) {
      const say = (problem: string): void => void problems.push(`${describe(request)} ${problem}`);
      const booked = (settled.get(request.requestId) ?? []).map(({ outcome }) => outcome);
      if (request.outcome === "whole") {
        if (request.ends !== 1) say(`was ended ${request.ends} times`);
        if (request.finishes !== 1) say(`has ${request.finishes} finish reasons`);
        if (request.isStream && request.roles !== 1) say(`has ${request.roles} roles`);
        if (request.errors !== 0) say("is whole and failed");
        // Where a replica was lost after the last word, the books may have its word for it.
        const span = { fromMs: request.sentAtMs - calmMs, untilMs: request.endedAtMs };
        const isCalm = faultsIn(history, span, () => true).length === 0;
        const right = isCalm ? ["complete", "cached"] : ["complete", "cached", "partial"];
        const isBooked = booked.some((outcome) => right.includes(outcome));
        if (booked.length > 0 && !isBooked) say(`is whole, and in the books as ${booked}`);
      } else {
        const isIncomplete = request.text !== request.reference;
        if (request.ends > 0 && isIncomplete) say("is incomplete and ended like a complete one");
        const isTold = request.errors > 0 && request.errorCode !== "";
        const mayBeUntold = request.outcome === "left" || lostItsRouter(history, request);
        if (request.outcome !== "open" && !isTold && !mayBeUntold) say("has no typed error");
      }
    }
    return problems;
  },
};

/** What a client received is the beginning of one continuous answer, in the end all of it. */
export const oneText: Rule = {
  name: "3 one continuous text",
  check: (history) =>
    history.requests
      .filter(({ outcome, text, reference }) =>
        outcome === "whole" ? text !== reference : !reference.startsWith(text),
      )
      .map(
        (request) =>
          `${describe(request)} said ${JSON.stringify(request.text)} ` +
          `instead of ${JSON.stringify(request.reference)}`,
      ),
};

/** After so much silence of auth an answer must be marked; twice that leaves room for polls. */
const silentForMs = 7_000;
/** And after so much there is none any more. */
const closedAfterMs = 36_000;

/** What is not as it should be says so; a cached answer too; an outage is no bad credential. */
export const degradedIsMarked: Rule = {
  name: "9 degradation is marked",
  check(history) {
    const problems: string[] = [];
    const outages = history.faults.filter(({ kind }) => kind === "auth away");
    const revokedAt = new Map(history.revocations.map(({ keyId, atMs }) => [keyId, atMs]));
    for (const request of history.requests) {
      const { status, fields, sentAtMs, endedAtMs, mayBeCached } = request;
      const say = (problem: string): void => void problems.push(`${describe(request)} ${problem}`);
      const isDue = outages.some(
        (one) => one.fromMs + silentForMs < sentAtMs && one.untilMs > endedAtMs,
      );
      const isLate = outages.some(
        (one) => one.fromMs + closedAfterMs < sentAtMs && one.untilMs > endedAtMs,
      );
      if (status === 401 && !((revokedAt.get(request.keyId) ?? Infinity) <= endedAtMs)) {
        say("was taken for a bad key");
      }
      if (status !== 200) continue;
      const cache = fields["x-tandem-cache"];
      if (cache === undefined) say("does not say whether it is from the cache");
      if (cache === "hit" && !mayBeCached) say("is from the cache and must not be");
      const marks = fields["x-tandem-degraded"] ?? "";
      if (isLate) say("was served long after revocations could last be heard");
      else if (isDue && !marks.includes("identity")) say("lacks the mark of a stale identity");
    }
    return problems;
  },
};

/** How long a revocation may take where nothing is broken, and where everything is. */
const revokedWithinMs = 2_000;
const revokedAtLastMs = 37_000;

/** A revoked key is never accepted again, after the bound. */
export const revokedStaysRevoked: Rule = {
  name: "7 revoked stays revoked",
  check(history) {
    const problems: string[] = [];
    for (const { keyId, atMs } of history.revocations) {
      for (const request of history.requests) {
        if (request.keyId !== keyId || request.status !== 200) continue;
        const lateMs = request.sentAtMs - atMs;
        const span = { fromMs: atMs - calmMs, untilMs: request.endedAtMs };
        const isCalm = faultsIn(history, span, () => true).length === 0;
        if (lateMs > revokedAtLastMs || (isCalm && lateMs > revokedWithinMs)) {
          problems.push(`${describe(request)} was accepted ${lateMs.toFixed(0)} ms too late`);
        }
      }
    }
    return problems;
  },
};
