import type { Call } from "../call.ts";
import { type AttemptFailure, judgeAttempt } from "../core/attempts/attempt-outcome.ts";
import { ContinuationReader } from "../core/splice/continuation-reader.ts";
import { GivenEnd } from "../core/splice/given-end.ts";
import { tokensOf } from "../core/splice/splice-tally.ts";
import type { BrokenStream, Continuation, OpenChoice, Verdict } from "../core/splice/splicer.ts";
import { chooseTarget } from "../core/target-choice.ts";
import type { AiParts } from "../parts.ts";
import type { AskedFor } from "./ask.ts";
import type { LiveTarget } from "./live-upstream.ts";
import { pauseFor } from "./pause-for.ts";
import { Splice } from "./splice.ts";
import { startAttempt } from "./start-attempt.ts";
import { answered, left, type TryOutcome } from "./try-outcome.ts";

/** What broke a stream, and who was asked for it. */
export interface Broken {
  readonly failure: AttemptFailure;
  readonly tried: ReadonlySet<LiveTarget>;
}

/** How a try to go on ended: `broken` after words of it, `nobody` when no target is left. */
type Continued =
  | TryOutcome
  | { readonly kind: "broken"; readonly failure: AttemptFailure }
  | Nobody;
interface Nobody {
  readonly kind: "nobody";
  readonly why: string;
}

/** Between two knocks at an upstream that is away, where there is no other. */
const knockPeriodMs = 250;

/**
 * Goes on with a stream that broke in the middle: asks for the rest, again and again within limits.
 * Resolves with what became of it; undefined when nobody can, and the client has to be told.
 */
export async function continueStream(
  call: Call,
  parts: AiParts,
  broken: Broken,
): Promise<TryOutcome | undefined> {
  const splice = spliceOf(call, parts);
  for (const target of broken.tried) splice.failed.add(target);
  let verdict = splice.splicer.broke(stateOf(call, parts));
  for (;;) {
    const outcome = await act(call, parts, { splice, verdict });
    if (outcome.kind === "next") verdict = outcome.verdict;
    else if (outcome.kind !== "nobody") return outcome;
    else {
      call.trace.note(`not continued: ${outcome.why}`);
      return undefined;
    }
  }
}

interface Step {
  readonly splice: Splice;
  readonly verdict: Verdict;
}

async function act(
  call: Call,
  parts: AiParts,
  { splice, verdict }: Step,
): Promise<TryOutcome | Nobody | { readonly kind: "next"; readonly verdict: Verdict }> {
  const { splicer } = splice;
  if (verdict.kind === "complete") {
    call.reader ??= new GivenEnd(call.sent.bytes);
    return answered;
  }
  splice.count();
  if (verdict.kind === "end") return { kind: "nobody", why: verdict.why };
  const { choice } = verdict;
  if (verdict.kind === "finish") call.reader = splicer.finished(choice);
  else {
    const continued = await continueChoice(call, parts, { splice, choice });
    if (continued.kind === "broken") {
      return { kind: "next", verdict: splicer.broke(stateOf(call, parts)) };
    }
    if (continued.kind === "failed") return { kind: "nobody", why: continued.failure.detail };
    if (continued.kind !== "answered") return continued;
  }
  if (choice.isLast) return answered;
  passOn(call, parts, endOfChoice(call));
  return { kind: "next", verdict: splicer.finishedChoice(call.sent.bytes) };
}

function spliceOf(call: Call, { config, world }: AiParts): Splice {
  call.splice ??= new Splice(call.request, {
    tokensMax: call.tokensMax,
    promptTokens: call.preparedTokens,
    resumesMax: config.streams.resumesMax,
    nowMs: world.clock.monotonicMs(),
  });
  return call.splice;
}

function stateOf({ sent, reader, streamEndsAtMs }: Call, { world }: AiParts): BrokenStream {
  return {
    sent: sent.bytes,
    isWhole: sent.isWhole,
    heldFinish: reader?.finishReason ?? "",
    isInTime: world.clock.monotonicMs() < streamEndsAtMs,
  };
}

interface Wanted {
  readonly splice: Splice;
  readonly choice: OpenChoice;
}

/** Asks one target after the other for the rest of a choice, until words of it come. */
async function continueChoice(call: Call, parts: AiParts, wanted: Wanted): Promise<Continued> {
  const { splice } = wanted;
  const { clock } = parts.world;
  splice.brokenAtMs = clock.monotonicMs();
  // A replica that dies hands over all it had, once; upstreams break again and again.
  const isTakenOver = call.handOver !== undefined && splice.splicer.breaks === 1;
  const isAllowed =
    isTakenOver || parts.resumeBudget.tryResume(splice.brokenAtMs, parts.streams.open);
  if (!isAllowed) return { kind: "nobody", why: "too many streams break" };
  const knockUntilMs = splice.brokenAtMs + parts.config.streams.returnMs;
  for (;;) {
    const nowMs = clock.monotonicMs();
    const target = nextTarget(call, parts, wanted);
    if (target === undefined) return { kind: "nobody", why: "no upstream can go on with it" };
    if (splice.failed.has(target) && nowMs > knockUntilMs) {
      return { kind: "nobody", why: "no upstream came back in time" };
    }
    const outcome = await tryTarget(call, parts, { ...wanted, target });
    if (outcome.kind !== "failed") return outcome;
    if (outcome.failure.kind === "diverged") continue;
    const isOnlyOne = splice.failed.has(target);
    splice.failed.add(target);
    if (isOnlyOne && (await pauseFor(call, parts, knockPeriodMs)) === "left") return left;
  }
}

/** Those that have not failed; where there is none, those that may be back. */
function nextTarget(call: Call, parts: AiParts, wanted: Wanted): LiveTarget | undefined {
  const { splice, choice } = wanted;
  const model = call.target?.model ?? call.handOver?.upstreamModel ?? "";
  const suited = call.targets.filter(
    (target) =>
      !splice.refused.has(target) &&
      splice.splicer.suits(choice, {
        form: target.upstream.profile.continuation,
        isSameModel: target.model === model,
      }),
  );
  const fresh = suited.filter((target) => !splice.failed.has(target));
  const former = fresh.find(({ upstream }) => upstream.settings.name === call.handOver?.upstream);
  if (former !== undefined) return former;
  return chooseTarget(fresh.length > 0 ? fresh : suited, {
    nowMs: parts.world.clock.monotonicMs(),
    fraction: parts.world.randomness.fraction,
    tried: new Set(),
    prefersStandby: call.prefersStandby,
    chain: () => [],
  });
}

async function tryTarget(
  call: Call,
  parts: AiParts,
  { splice, choice, target }: Wanted & { readonly target: LiveTarget },
): Promise<Continued> {
  const { continuation: form, ...profile } = target.upstream.profile;
  const mayBackUp = !splice.diverged.has(target);
  const foreign = profile.speech?.openStream(parts.world.clock.nowMs());
  const speech = { reasoningKey: profile.reasoningKey, foreign };
  const plan = splice.splicer.plan(choice, { form, speech, mayBackUp });
  const asked: AskedFor = { ...plan, open: plan, onFirstPiece: () => seam(call, parts, splice) };
  const former = call.target;
  const resumedBefore = splice.resumed;
  const outcome = await startAttempt(call, parts, { target, asked });
  const hasPassedOn = splice.resumed > resumedBefore;
  if (hasPassedOn || outcome.kind === "answered") account(splice, { plan, choice });
  if (outcome.kind !== "failed") return outcome;
  if (hasPassedOn) {
    splice.failed.add(target);
    return { kind: "broken", failure: outcome.failure };
  }
  // It gave nothing: the answer is still what it was.
  call.target = former;
  if (outcome.failure.kind === "diverged") {
    if (mayBackUp) splice.diverged.add(target);
    else splice.refused.add(target);
  } else if (!judgeAttempt(outcome.failure).mayRetry) splice.refused.add(target);
  return outcome;
}

function account(splice: Splice, given: { plan: Continuation; choice: OpenChoice }): void {
  const { plan, choice } = given;
  splice.tally.add({
    usage: plan.reader.usage,
    pieces: plan.reader.pieces,
    againTokens: plan.againTokens,
    prefixTokens: choice.committed === undefined ? 0 : tokensOf(choice.committed),
  });
}

/** The first new word is there: the place is marked for those who look at the bytes. */
function seam(call: Call, { world }: AiParts, splice: Splice): void {
  const seamMs = world.clock.monotonicMs() - splice.brokenAtMs;
  splice.resumed += 1;
  splice.seamMsMax = Math.max(splice.seamMsMax, seamMs);
  call.answer.comment("resumed");
  call.trace.note(`resumed ${splice.resumed}, the last after ${Math.round(seamMs)} ms`);
}

/** The finish of a choice that is not the last one. */
function endOfChoice({ reader }: Call): Buffer {
  return reader instanceof ContinuationReader ? reader.closingOfChoice() : Buffer.alloc(0);
}

function passOn(call: Call, { world }: AiParts, piece: Buffer): void {
  call.sent.add(piece);
  call.answer.write(piece, world.clock.monotonicMs());
}
