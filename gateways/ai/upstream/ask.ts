import type { AttemptRecord, Call } from "../call.ts";
import type { AttemptFailure } from "../core/attempts/attempt-outcome.ts";
import type { AnswerReader } from "../core/stream/answer-reader.ts";
import { StreamReader } from "../core/stream/stream-reader.ts";
import { readEmbeddings } from "../core/whole/embeddings.ts";
import { readWholeAnswer, type WholeFailure } from "../core/whole/whole-reader.ts";
import { keepAlive } from "../keep-alive.ts";
import type { AiParts } from "../parts.ts";
import { adaptBody, openRequest } from "./adapt-body.ts";
import { Attempt, type AttemptLimits, type AttemptOutcome } from "./attempt.ts";
import type { OpenAnswer } from "./continue-body.ts";
import type { LiveTarget } from "./live-upstream.ts";
import { answered, left, type TryOutcome } from "./try-outcome.ts";
import { upstreamFields } from "./upstream-fields.ts";

/** Generous for one token, so that only what does not move is given up. */
const msPerToken = 250;
const answerTokensUnknown = 8_192;

/** The rest of an answer that is there in part, in place of a whole one. */
export interface AskedFor {
  readonly reader: AnswerReader;
  readonly open: OpenAnswer;
  readonly tokensMax: number | undefined;
  /** Before the client is given anything of it. */
  readonly onFirstPiece: () => void;
}

export interface Asked {
  readonly target: LiveTarget;
  /** Absent for an answer from its beginning. */
  readonly asked?: AskedFor | undefined;
}

/** Asks a target in whose upstream a place was taken, which is left in the end. */
export function ask(call: Call, parts: AiParts, { target, asked }: Asked): Promise<TryOutcome> {
  return new Promise((resolve) => {
    const { upstream } = target;
    const { request } = call;
    const reader = request.isStream ? (asked?.reader ?? readerFor(call, parts, target)) : undefined;
    const limits = limitsOf(call, parts, target);
    const record = recordFor(call, parts, target);
    call.target = target;
    if (target.isStandby) call.mark("standby");
    call.reader = reader;
    const end = (outcome: TryOutcome, failure: string): void => {
      upstream.places.leave();
      call.onLeave = undefined;
      record.durationMs = parts.world.clock.monotonicMs() - attempt.startedMs;
      record.firstTokenMs = attempt.firstTokenMs ?? 0;
      record.status = attempt.status;
      record.failure = failure;
      resolve(outcome);
    };
    const attempt = new Attempt({
      target,
      reader,
      limits,
      world: parts.world,
      watchdog: parts.watchdog,
      request: {
        method: "POST",
        target: upstream.profile.pathOf(upstream.basePath, openRequest(request, asked?.open)),
        headers: upstreamFields(call, upstream),
        body: adaptBody(request, {
          profile: upstream.profile,
          upstreamModel: target.model,
          tokensMax: asked === undefined ? call.tokensMax : asked.tokensMax,
          messagesJson: call.preparedMessages,
          open: asked?.open,
        }),
      },
      onTick: (nowMs) => keepAlive(call, parts.config, nowMs),
      onPiece: (piece) => {
        if (asked !== undefined && !attempt.hasPassedOn) asked.onFirstPiece();
        relay(call, parts, { piece, attempt, reader });
      },
      readWhole: (body) =>
        asked === undefined ? takeWhole(call, canonicalBody(parts, target, body)) : notAStream,
      onDone: (outcome) => end(outcomeOf(outcome), failureName(outcome)),
    });
    call.onLeave = () => {
      attempt.cancel();
      end(left, "client left");
    };
  });
}

/** Nobody can tell where in a whole answer the rest begins. */
const notAStream: AttemptFailure = { kind: "malformed", detail: "the rest came whole" };

function outcomeOf(outcome: AttemptOutcome): TryOutcome {
  return outcome.kind === "failed" ? outcome : answered;
}

function failureName(outcome: AttemptOutcome): string {
  if (outcome.kind !== "failed") return "";
  return `${outcome.failure.kind}: ${outcome.failure.detail}`;
}

function readerFor(call: Call, { world }: AiParts, { upstream }: LiveTarget): StreamReader {
  const { speech } = upstream.profile;
  return new StreamReader({
    foreign: speech?.openStream(world.clock.nowMs()),
    object: call.endpoint === "chat" ? "chat.completion.chunk" : "text_completion",
    shownModel: call.shownModel,
    reasoningKey: upstream.profile.reasoningKey,
    holdsToolCalls: call.request.features.includes("tools"),
    choices: call.request.choices,
  });
}

function recordFor(call: Call, { world }: AiParts, target: LiveTarget): AttemptRecord {
  const record: AttemptRecord = {
    upstream: target.upstream.settings.name,
    model: target.model,
    startMs: world.clock.monotonicMs() - call.trace.startedMs,
    durationMs: 0,
    firstTokenMs: 0,
    status: 0,
    failure: "",
  };
  call.attempts.push(record);
  return record;
}

/**
 * A whole answer comes at its end only, so its first word has the time of all its words. A stream
 * that is gone on with has what its first upstream left of its time.
 */
function limitsOf(call: Call, { config, world }: AiParts, target: LiveTarget): AttemptLimits {
  const { upstream } = target;
  const { firstTokenTimeoutMs, idleTimeoutMs, totalTimeoutMs } = upstream.settings;
  const nowMs = world.clock.monotonicMs();
  if (call.sent.pieces === 0) call.streamEndsAtMs = nowMs + totalTimeoutMs;
  const tokens = call.tokensMax ?? answerTokensUnknown;
  const wholeMs = firstTokenTimeoutMs + idleTimeoutMs + tokens * msPerToken;
  // A target that has stalled is left early where there is another one; else it is waited for.
  const stall = call.targets.length > 1 ? target.stall : undefined;
  const firstTokenMs = Math.min(firstTokenTimeoutMs, stall?.firstTokenLimitMs ?? Infinity);
  return {
    firstTokenMs: call.request.isStream ? firstTokenMs : Math.min(wholeMs, totalTimeoutMs),
    idleMs: Math.min(idleTimeoutMs, stall?.idleLimitMs ?? Infinity),
    totalMs: Math.min(totalTimeoutMs, Math.max(1, call.streamEndsAtMs - nowMs)),
    answerBytesMax: config.answerLimitBytes,
  };
}

/** Gives a piece to the client, and has the upstream wait for one that reads slowly. */
function relay(
  call: Call,
  { world }: AiParts,
  given: {
    readonly piece: Buffer;
    readonly attempt: Attempt;
    readonly reader: AnswerReader | undefined;
  },
): void {
  const nowMs = world.clock.monotonicMs();
  if (call.sent.pieces === 0) call.firstTokenMs = nowMs - call.trace.startedMs;
  const { piece, attempt, reader } = given;
  call.sent.add(piece);
  if (call.answer.write(piece, nowMs, reader)) return;
  attempt.pause();
  call.answer.onDrain(() => attempt.resume());
}

function canonicalBody({ world }: AiParts, { upstream }: LiveTarget, body: Buffer): Buffer {
  return upstream.profile.speech?.readWhole(body, world.clock.nowMs()) ?? body;
}

/** Reads an answer that came whole, also where a stream was asked for; what is wrong with it. */
function takeWhole(call: Call, body: Buffer): AttemptFailure | undefined {
  if (call.endpoint === "embeddings") {
    const embeddings = readEmbeddings(body);
    if (!("document" in embeddings)) return wholeFailure(embeddings);
    call.embeddings = embeddings;
    return undefined;
  }
  const whole = readWholeAnswer(body);
  if (!("document" in whole)) return wholeFailure(whole);
  call.whole = whole;
  call.isReplayed = call.request.isStream;
  return undefined;
}

function wholeFailure({ kind, detail, error }: WholeFailure): AttemptFailure {
  return kind === "error_body" ? { kind, detail, error } : { kind: "malformed", detail };
}
