import { finishAdmitted, type Phase, undoAdmitted } from "@tandem/libs/gateway";
import { Fault } from "@tandem/libs/kernel";
import { answerMessage } from "../answer-body.ts";
import type { Call } from "../call.ts";
import { chargeFor, type TokenPrice } from "../core/money/charge.ts";
import { aiFaults } from "../faults.ts";
import type { CallDetail, Settlement, SettlementOutcome } from "../money/settlement.ts";
import type { AiParts } from "../parts.ts";
import { faultStatus } from "./answer.ts";

/**
 * 11 record: what the request really took. Its settlement is in the journal before its answer may
 * end, so that no paid answer can be given whose record a crash takes with it; what it did not use
 * is free again at once. Figures, log line and trace follow after the answer (`observe/`).
 */
export function recordPhase(parts: AiParts): Phase<Call> {
  return {
    name: "record",
    throws: ["ai.not_recordable"],
    isRepeatable: false,
    always: true,
    run(call) {
      if (call.flight !== undefined) parts.flights.land(call.flight);
      call.heldPlaces?.leave();
      if (call.isMoved) {
        // Who goes on with it counts and settles all of it.
        if (call.passage !== undefined) finishAdmitted(call.passage.admitted, 0);
        call.reservation?.lease.finish(call.reservation.nanos, 0n);
        return "skipped";
      }
      const isServed =
        call.attempts.length > 0 || call.cached !== undefined || call.sent.pieces > 0;
      finishLimits(call, isServed);
      if (call.outcome === "complete" && (call.turn?.id ?? "") !== "") appendTurn(call, parts);
      if (isServed) return settle(call, parts);
      call.reservation?.lease.finish(call.reservation.nanos, 0n);
      countRefused(call, parts);
      return "skipped";
    },
  };
}

/** Whoever is not known is nobody's usage; the metrics count it. */
function countRefused(call: Call, parts: AiParts): void {
  const { knownIdentity, knownModel, endpoint } = call;
  if (knownIdentity === undefined) return;
  const { claims } = knownIdentity;
  const status = statusOf(call, parts);
  parts.refusals.count({ claims, model: knownModel?.id ?? "", endpoint, status });
}

/** What the answer's status is going to be. */
function statusOf(call: Call, { config }: AiParts): number {
  if (call.hasClientLeft) return 499;
  return call.fault === undefined ? 200 : faultStatus(call, call.fault, config);
}

/** A request that was answered counts, with the tokens it took; one that we refused does not. */
function finishLimits({ passage, usage }: Call, isServed: boolean): void {
  if (passage === undefined) return;
  if (isServed) finishAdmitted(passage.admitted, usage.inputTokens + usage.outputTokens);
  else undoAdmitted(passage.admitted);
}

/** The new messages and the answer join their conversation, in their own time. */
function appendTurn(call: Call, { conversations }: AiParts): void {
  const { turn, identity, requestId } = call;
  const message = answerMessage(call);
  if (turn === undefined || message === undefined) return;
  const messageJsons = [...turn.messageJsons, message];
  conversations.append(identity, { requestId, conversationId: turn.id, messageJsons });
}

function settle(call: Call, parts: AiParts): "done" | Promise<"done"> {
  const { price, usage, reservation } = call;
  if (price !== undefined) {
    call.chargedNanos = atMost(chargeFor(usage, price.charged), reservation?.nanos ?? 0n);
    if (!price.isUpstreamFree) call.upstreamNanos = upstreamCost(call, price.upstream);
  }
  if (call.target?.isStandby === true) parts.standbyCost.spent(call.upstreamNanos);
  const { chargedNanos } = call;
  if (reservation !== undefined) reservation.lease.finish(reservation.nanos, chargedNanos);
  const recorded = parts.settler.settle(settlementOf(call, parts), reservation?.lease);
  const waits = chargedNanos > 0n && !call.hasClientLeft;
  if (!waits) {
    // It is on its way to the disk; a failing disk is told by the journal itself.
    recorded.catch(() => undefined);
    return "done";
  }
  return recorded.then(
    () => "done",
    (cause: unknown) => settleOtherwise(call, parts, cause),
  );
}

/** What a broken stream's continuations were told once more is ours to pay. */
function upstreamCost({ usage, splice }: Call, price: TokenPrice): bigint {
  const cost = chargeFor(usage, price);
  return splice === undefined ? cost : cost + chargeFor(splice.tally.extra, price);
}

/** The disk does not take it: quota has to, before the answer ends, or there is no answer. */
async function settleOtherwise(call: Call, parts: AiParts, cause: unknown): Promise<"done"> {
  if (await parts.settler.settleNow(call.requestId)) return "done";
  throw aiFaults.not_recordable({
    detail: Fault.from(cause).message,
    retryAfterMs: 5_000,
    cause,
  });
}

function atMost(nanos: bigint, most: bigint): bigint {
  return nanos < most ? nanos : most;
}

function settlementOf(call: Call, parts: AiParts): Settlement {
  const { world } = parts;
  const { payer, price, reservation } = call;
  return {
    requestId: call.requestId,
    leaseId: reservation?.lease.id ?? "",
    organisationId: payer?.organisationId ?? "",
    projectId: payer?.projectId ?? "",
    userId: payer?.userId ?? "",
    keyId: payer?.keyId ?? "",
    model: payer?.model ?? "",
    upstream: call.target?.upstream.settings.name ?? "",
    reservedNanos: reservation?.nanos ?? 0n,
    chargedNanos: call.chargedNanos,
    upstreamNanos: call.upstreamNanos,
    usage: call.usage,
    atMs: world.clock.nowMs(),
    outcome: settlementOutcome(call),
    priceId: price?.id ?? "",
    currency: price?.currency ?? "",
    detail: detailOf(call, parts),
  };
}

function detailOf(call: Call, parts: AiParts): CallDetail {
  const { price, cached } = call;
  return {
    endpoint: call.endpoint,
    status: statusOf(call, parts),
    durationMs: parts.world.clock.monotonicMs() - call.trace.startedMs,
    firstTokenMs: call.firstTokenMs,
    isStream: call.validRequest?.isStream ?? false,
    // An answer from the cache costs nothing, and that is known.
    isUpstreamKnown: cached !== undefined || price?.isUpstreamFree === false,
    price: price?.charged,
    requests: 1,
  };
}

function settlementOutcome({ outcome, sent }: Call): SettlementOutcome {
  if (outcome === "complete" || outcome === "cached" || outcome === "partial") return outcome;
  return sent.pieces > 0 ? "partial" : "failed";
}
