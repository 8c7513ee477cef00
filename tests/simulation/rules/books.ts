import { createHash } from "node:crypto";
import type { History } from "../history.ts";
import { describe, type Rule, restless, settlementsOf } from "./rule.ts";

/** Nanos for an output token, as the catalogue of the simulated world has it. */
const outputTokenNanos = 2_000n;

function accountProblems({ transfers, balances }: History): readonly string[] {
  const problems: string[] = [];
  const sums = new Map<string, bigint>();
  for (const { debit, credit, nanos, reference } of transfers) {
    if (nanos <= 0n) problems.push(`a transfer of ${nanos} nanos for ${reference}`);
    sums.set(debit, (sums.get(debit) ?? 0n) - nanos);
    sums.set(credit, (sums.get(credit) ?? 0n) + nanos);
  }
  let total = 0n;
  for (const account of new Set([...sums.keys(), ...balances.keys()])) {
    const sum = sums.get(account) ?? 0n;
    const balance = balances.get(account) ?? 0n;
    total += balance;
    if (sum !== balance) problems.push(`${account} has ${balance}, its transfers say ${sum}`);
    const isSource = /^platform:(grants|given_back)/.test(account);
    if (balance < 0n && !isSource) problems.push(`${account} is below zero: ${balance}`);
  }
  if (total !== 0n) problems.push(`all accounts together have ${total}, not 0`);
  return problems;
}

/** Reserved at least what is settled; one settlement an id; what was delivered is what is paid. */
export const moneyIsExact: Rule = {
  name: "4 money is exact",
  check(history) {
    const problems = [...accountProblems(history)];
    const settled = settlementsOf(history);
    for (const [requestId, all] of settled) {
      const ids = new Set(all.map((one) => one.requestId));
      if (ids.size < all.length) problems.push(`${requestId} was settled ${all.length} times`);
      for (const one of all) {
        if (one.chargedNanos > one.reservedNanos) problems.push(`${requestId} exceeds its hold`);
        if (one.bookedNanos !== one.chargedNanos) {
          problems.push(`${requestId} took ${one.bookedNanos} of ${one.chargedNanos} nanos`);
        }
      }
    }
    for (const { requestId, reason } of history.refusals) {
      problems.push(`the books refused ${requestId}: ${reason}`);
    }
    for (const request of history.requests) {
      if (request.outcome !== "whole") continue;
      const say = (problem: string): void => void problems.push(`${describe(request)} ${problem}`);
      const own = settled.get(request.requestId) ?? [];
      const { completionTokens, tokens } = request;
      if (completionTokens !== tokens) say(`counts ${completionTokens} tokens, not ${tokens}`);
      if (own.length === 0) say("was served, and nothing of it is in the books");
      else if (own.every(({ outcome }) => outcome !== "cached")) {
        const back = history.givenBack.filter(
          ({ settlementId }) => restless(settlementId) === request.requestId,
        );
        const sum = (all: readonly { readonly outputTokens: number }[]): number =>
          all.reduce((total, { outputTokens }) => total + outputTokens, 0);
        const booked = sum(own) - sum(back);
        const nanos =
          own.reduce((total, { chargedNanos }) => total + chargedNanos, 0n) -
          back.reduce((total, one) => total + one.nanos, 0n);
        // A replica that was cut off from its router judges what it gave by itself; who told the
        // whole answer says what it costs, whatever was judged before.
        const whole = own.filter(({ outcome }) => outcome === "complete");
        const isJudged = (whole.length > 0 ? whole : own).some(({ isEstimated }) => isEstimated);
        if (booked !== tokens && !isJudged) say(`is booked as ${booked}`);
        if (nanos < outputTokenNanos * BigInt(tokens)) say("costs too little");
      }
    }
    return problems;
  },
};

/** Every event has its effect once; what could not be delivered is countable. */
export const eventsHaveOneEffect: Rule = {
  name: "5 events have one effect",
  check(history) {
    const { effects, settlements, givenBack, atEnd } = history;
    const problems: string[] = [];
    const byRequest = Map.groupBy(effects, ({ requestId }) => requestId);
    const booked = new Map([
      ...settlements.map((one) => [one.requestId, one.bookedNanos] as const),
      ...givenBack.map((one) => [`${one.settlementId}+back`, -one.nanos] as const),
    ]);
    for (const [requestId, all] of byRequest) {
      if (all.length > 1) problems.push(`${requestId} had ${all.length} effects`);
      const nanos = booked.get(requestId);
      if (nanos === undefined) problems.push(`${requestId} had an effect and no cause`);
      else if (all.some(({ chargedNanos }) => chargedNanos !== nanos)) {
        problems.push(`${requestId} was told as another amount than ${nanos}`);
      }
    }
    const missing = [...booked.keys()].filter((id) => !byRequest.has(id)).length;
    const waiting = atEnd.pendingEvents + atEnd.parkedEvents;
    if (missing > 0 && waiting === 0) problems.push(`${missing} settlements were never told`);
    return problems;
  },
};

/** What may pass beyond a limit at most, as leases that are under way. */
const leasedPerGateway = 2;
const gateways = 2;

/** Never more is let through than the limit and the leases that are out. */
export const limitsHold: Rule = {
  name: "6 limits hold",
  check(history) {
    const problems: string[] = [];
    for (const { id, subject, amount, windowMs } of history.limits) {
      const admitted = history.requests
        .filter((one) => one.organisationId === subject.organisationId && one.status === 200)
        .map(({ sentAtMs }) => sentAtMs)
        .sort((left, right) => left - right);
      // Each loss of the shared count may let a bucket pass once more, and a share by itself.
      const losses = history.faults.filter(({ kind }) => kind === "hot store").length;
      const slack = leasedPerGateway * gateways + 2 * losses * amount;
      for (const [from, fromMs] of admitted.entries()) {
        for (let to = from; to < admitted.length; to += 1) {
          const spanMs = (admitted[to] ?? fromMs) - fromMs;
          const allowed = amount + (amount * (spanMs + 1_500)) / windowMs + slack;
          if (to - from + 1 > allowed) {
            problems.push(`${id}: ${to - from + 1} in ${spanMs} ms, ${allowed.toFixed(1)} allowed`);
          }
        }
        if (problems.length > 3) return problems;
      }
    }
    return problems;
  },
};

/** No effect of an administrator's without its record, and the records are unbroken. */
export const adminIsAudited: Rule = {
  name: "8 no admin effect without its record",
  check({ adminEffects, audit }) {
    const problems: string[] = [];
    for (const { action, target } of adminEffects) {
      const records = audit.filter((one) => one.action === action && one.target === target);
      if (records.length !== 1) problems.push(`${action} of ${target}: ${records.length} records`);
    }
    let previous = "";
    for (const { hash, previousHash, text } of audit) {
      const wanted = createHash("sha256").update(previous).update(text).digest("hex");
      if (previousHash !== previous || hash !== wanted) problems.push(`${text} was changed`);
      previous = hash;
    }
    return problems;
  },
};

/** When nothing is broken any more, everything serves again, and nothing is left lying about. */
export const itComesBack: Rule = {
  name: "10 it comes back",
  check({ atEnd, requests }) {
    const problems = atEnd.replicas
      .filter(({ unready }) => unready.length > 0)
      .map(({ name, unready }) => `${name} waits for ${unready.join(", ")}`);
    for (const request of requests) {
      if (request.isProbe && request.outcome !== "whole") {
        problems.push(`${describe(request)} came after all faults`);
      }
    }
    if (atEnd.pendingEvents > 0) problems.push(`${atEnd.pendingEvents} events wait`);
    if (atEnd.parkedEvents > 0) problems.push(`${atEnd.parkedEvents} events are parked`);
    if (atEnd.heldNanos > 0n) problems.push(`${atEnd.heldNanos} nanos are held for nobody`);
    if (atEnd.upstreamCalls > 0) problems.push(`${atEnd.upstreamCalls} calls nobody waits for`);
    return problems;
  },
};
