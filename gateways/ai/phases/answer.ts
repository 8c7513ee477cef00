import type { Phase } from "@tandem/libs/gateway";
import type { Fault } from "@tandem/libs/kernel";
import { usageJson, wholeBody } from "../answer-body.ts";
import type { Call } from "../call.ts";
import { replayAsStream } from "../core/stream/replay-answer.ts";
import type { AiParts } from "../parts.ts";
import { keepResponse } from "../responses/keep-response.ts";

/** 12 answer: the end of a stream, a whole answer, or what went wrong. */
export function answerPhase(parts: AiParts): Phase<Call> {
  const { config } = parts;
  return {
    name: "answer",
    throws: [],
    isRepeatable: false,
    always: true,
    run(call) {
      if (call.hasClientLeft) {
        call.status = 499;
        return "skipped";
      }
      if (call.fault !== undefined) answerFault(call, call.fault, config);
      else if (call.keeping !== undefined) return keepAndGive(call, parts);
      else giveAnswer(call);
      return "done";
    },
  };
}

/** What can be gone on from is kept before its last words are out. */
async function keepAndGive(call: Call, parts: AiParts): Promise<"done"> {
  await keepResponse(call, parts);
  giveAnswer(call);
  return "done";
}

/** What a fault is answered with, as the operator and the caller's dialect have it. */
export function faultStatus(
  { dialect }: Call,
  fault: Fault,
  { noCreditStatus }: AiParts["config"],
): number {
  const status = fault.httpStatus === 402 ? noCreditStatus : fault.httpStatus;
  return dialect.statusOf(fault, status);
}

function answerFault(call: Call, fault: Fault, config: AiParts["config"]): void {
  call.status = faultStatus(call, fault, config);
  call.exchange.noteFault?.(fault);
  call.answer.fail(fault, { requestId: call.requestId, status: call.status });
}

function giveAnswer(call: Call): void {
  const { answer, cached, endpoint, request } = call;
  call.status = 200;
  const body = cached?.body ?? (isWhole(call) ? wholeBody(call) : undefined);
  if (body === undefined) {
    answer.finishStream(call.reader?.closing(usageJson(call)) ?? "");
  } else if (request.isStream && endpoint !== "embeddings") {
    answer.finishStream(replayAsStream(body.toString(), endpoint));
  } else answer.finishWhole(body);
}

function isWhole({ request, isReplayed }: Call): boolean {
  return !request.isStream || isReplayed;
}
