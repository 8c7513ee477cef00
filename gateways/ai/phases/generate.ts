import type { Phase, PhaseResult } from "@tandem/libs/gateway";
import { assert, type Fault } from "@tandem/libs/kernel";
import { answerFromArticles } from "../articles/answer-from-articles.ts";
import type { Call } from "../call.ts";
import type { AttemptFailure } from "../core/attempts/attempt-outcome.ts";
import { judgeAttempt } from "../core/attempts/attempt-outcome.ts";
import { isExtractive } from "../core/catalogue/extractive.ts";
import { prefixChain } from "../core/prefix-affinity.ts";
import { chooseTarget } from "../core/target-choice.ts";
import { aiFaults } from "../faults.ts";
import type { AiParts } from "../parts.ts";
import { acceptResponse } from "../responses/keep-response.ts";
import { type Broken, continueStream } from "../upstream/continue-stream.ts";
import { failureFault } from "../upstream/failure-fault.ts";
import type { LiveTarget } from "../upstream/live-upstream.ts";
import { startAttempt } from "../upstream/start-attempt.ts";
import { takeUsage } from "../upstream/take-usage.ts";

const noneTried: ReadonlySet<LiveTarget> = new Set();

/**
 * 9 generate: attempts on upstreams, until one answers. While nothing was committed to the client
 * another target may be tried, twice at most and within the retry budget; after that the rest of
 * the answer is asked for.
 */
export function generatePhase(parts: AiParts): Phase<Call> {
  return {
    name: "generate",
    throws: [
      "ai.upstream_failed",
      "ai.upstreams_busy",
      "ai.connections_exhausted",
      "ai.upstream_refused",
      "ai.context_too_long",
      "ai.stream_broken",
      "ai.articles_unavailable",
      "ai.time_limit",
      "ai.client_left",
      "ai.responses_unavailable",
    ],
    isRepeatable: true,
    async run(call): Promise<PhaseResult> {
      parts.retryBudget.requested();
      parts.outageBudget.requested();
      await acceptResponse(call, parts);
      if (call.request.isStream) parts.streams.begin(call);
      try {
        await generate(call, parts);
        call.outcome = "complete";
      } finally {
        if (call.request.isStream) parts.streams.end(call);
        call.onLeave = undefined;
        takeUsage(call);
      }
      return "done";
    },
  };
}

/** An answer of which another replica has given a part is gone on with, others are begun. */
function generate(call: Call, parts: AiParts): Promise<void> {
  if (!call.answer.hasFlowed) {
    return isExtractive(call.model) ? answerFromArticles(call, parts) : tryTargets(call, parts);
  }
  const failure = { kind: "broken", detail: "a gateway replica was lost" } as const;
  return goOn(call, parts, { failure, tried: noneTried });
}

async function goOn(call: Call, parts: AiParts, broken: Broken): Promise<void> {
  const continued = await continueStream(call, parts, broken);
  if (continued?.kind === "answered") return;
  if (continued?.kind === "left") throw leftFault(call);
  throw brokenFault(call, broken.failure);
}

async function tryTargets(call: Call, parts: AiParts): Promise<void> {
  let tried = noneTried;
  let last: AttemptFailure | undefined;
  for (;;) {
    const target = nextTarget(call, parts, tried);
    if (target === undefined) throw exhausted(call, last);
    const outcome = await startAttempt(call, parts, { target });
    if (outcome.kind === "answered") return;
    if (outcome.kind === "left") throw leftFault(call);
    tried = new Set([...tried, target]);
    last = outcome.failure;
    if (call.answer.hasFlowed) return goOn(call, parts, { failure: last, tried });
    const { mayRetry } = judgeAttempt(last);
    const isLast = tried.size >= parts.config.attemptsMax;
    if (!mayRetry || isLast || !hasAnother(call, tried) || !mayTryAgain(call, parts, tried)) {
      throw exhausted(call, last);
    }
  }
}

/**
 * Where some target is believed to be well all calls of a dead one may move to it at once. Where
 * none is, asking each of them for each request would only multiply the outage.
 */
function mayTryAgain(
  { targets }: Call,
  { world, retryBudget, outageBudget }: AiParts,
  tried: ReadonlySet<LiveTarget>,
): boolean {
  const nowMs = world.clock.monotonicMs();
  const isHopeful = targets.some(
    (target) => !tried.has(target) && target.health.availability(nowMs) !== "out",
  );
  return (isHopeful ? retryBudget : outageBudget).tryRetry(nowMs);
}

function hasAnother({ targets }: Call, tried: ReadonlySet<LiveTarget>): boolean {
  return targets.some((target) => !tried.has(target));
}

function nextTarget(
  call: Call,
  parts: AiParts,
  tried: ReadonlySet<LiveTarget>,
): LiveTarget | undefined {
  const { targets } = call;
  if (targets.length === 1) return tried.size === 0 ? targets[0] : undefined;
  let chain: readonly number[] | undefined;
  const chainOf = (): readonly number[] => {
    chain ??= promptChain(call);
    return chain;
  };
  const target = chooseTarget(targets, {
    nowMs: parts.world.clock.monotonicMs(),
    fraction: parts.world.randomness.fraction,
    tried,
    prefersStandby: call.prefersStandby,
    chain: chainOf,
  });
  target?.memory.remember(chainOf());
  return target;
}

/** The prompt's beginnings, with the tenant mixed in: a match tells nobody what others asked. */
function promptChain({ request, identity, model }: Call): readonly number[] {
  const { document } = request;
  const name = request.endpoint === "chat" ? "messages" : "prompt";
  const at = document.member(document.root, name);
  if (at < 0) return [];
  const text = document.bytes.subarray(document.start(at), document.end(at));
  return prefixChain(text, `${identity.claims.organisationId} ${model.id}`);
}

function leftFault(call: Call): Fault {
  call.outcome = call.sent.pieces > 0 ? "partial" : "canceled";
  return aiFaults.client_left();
}

function brokenFault(call: Call, failure: AttemptFailure): Fault {
  call.outcome = "partial";
  return aiFaults.stream_broken({ detail: failure.detail });
}

function exhausted(call: Call, failure: AttemptFailure | undefined): Fault {
  call.outcome = "failed";
  assert(failure !== undefined, "there was at least one target to try");
  return failureFault(failure, call.attempts.length);
}
