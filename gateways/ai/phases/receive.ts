import { hasApiKeyForm, identityFaults, type Phase, type PhaseResult } from "@tandem/libs/gateway";
import { admitByPriority } from "../admission.ts";
import { answerFields } from "../answer-fields.ts";
import type { Call } from "../call.ts";
import { credentialOf, keyOf } from "../credential.ts";
import { AnswerWriter } from "../dialects/answer-writer.ts";
import { aiFaults } from "../faults.ts";
import { handOverBytesMax, handOverField } from "../hand-over/hand-over.ts";
import { takeHandOver } from "../hand-over/take-over.ts";
import type { AiParts } from "../parts.ts";

/**
 * 1 receive: the body comes in, up to its limit. What cannot be a key is refused before that, with
 * the words for a wrong one, so that nobody makes us read ten megabytes for a guess.
 */
export function receivePhase(parts: AiParts): Phase<Call> {
  const { config, identities } = parts;
  return {
    name: "receive",
    throws: [
      "ai.not_ready",
      "ai.overloaded",
      "identity.missing",
      "identity.invalid",
      "ai.compressed_body",
      "http.body_too_large",
      "ai.hand_over_refused",
      "http.client_left",
    ],
    isRepeatable: true,
    async run(call): Promise<PhaseResult> {
      const { exchange } = call;
      call.answer = new AnswerWriter(exchange, {
        dialect: call.dialect,
        fields: () => answerFields(call, parts),
        nowMs: call.trace.startedMs,
        onAstray: (fault) => {
          exchange.noteFault?.(fault);
          call.answer.fail(fault, { requestId: call.requestId, status: fault.httpStatus });
          call.leave();
        },
      });
      exchange.onAbort(() => {
        // To the router a replica that stood still was gone: it has brought its streams elsewhere.
        if (parts.watchdog.hasStoodStill && call.mayMove) call.moveAway();
        else call.leave();
      });
      if (!parts.catalogue.isLoaded || !parts.upstreams.isLoaded) throw aiFaults.not_ready();
      call.credential = credentialOf(exchange.head.headers);
      const known = identities.find(call.credential);
      // Before its body is read: what is turned away should cost as little as it can.
      if (known !== undefined) admitByPriority(call, parts, known.identity.priority);
      else if (!hasApiKeyForm(keyOf(call.credential))) throw identityFaults.invalid();
      const coding = exchange.head.headers.get("content-encoding") ?? "identity";
      if (coding !== "identity") throw aiFaults.compressed_body();
      const isHandedOver = exchange.head.headers.has(handOverField);
      const beyond = isHandedOver ? handOverBytesMax : 0;
      call.body = await exchange.readBody(config.bodyLimitBytes + beyond);
      if (isHandedOver) takeHandOver(call, parts);
      return "done";
    },
  };
}
