import { Fault } from "@tandem/libs/kernel";
import { answerMessage, wholeBody } from "../answer-body.ts";
import type { Call } from "../call.ts";
import type { Keeping } from "../dialects/dialect.ts";
import { aiFaults } from "../faults.ts";
import type { AiParts } from "../parts.ts";
import { messagesOf } from "../phases/prepare-context.ts";
import { KeptAnswer } from "../resume/kept-answer.ts";
import type { ResponseRecord } from "./response-store.ts";

/**
 * Keeps a response before its last words are out, so that whoever has them can go on from there at
 * any replica. A store that is away keeps nobody waiting for an answer that is there: it is told in
 * the log, and the response is as unknown later as one that was forgotten.
 */
export async function keepResponse(call: Call, { responses, log }: AiParts): Promise<void> {
  const { keeping, identity, cached, requestId } = call;
  if (keeping === undefined || !keeping.isStored || !call.sent.isWhole) return;
  const canonical = (cached?.body ?? wholeBody(call)).toString();
  const message = cached === undefined ? answerMessage(call) : messageIn(cached.body);
  if (message === undefined) return;
  const said = messagesOf(call.request).slice(keeping.instructions);
  const { exchange } = call;
  const maker =
    exchange instanceof KeptAnswer && keeping.isBackground ? exchange.meta.maker : undefined;
  try {
    const record = {
      responseJson: keeping.told(canonical),
      items: [...keeping.items],
      messageJsons: [...call.previousJsons, ...said, message],
    };
    if (keeping.isBackground) await responses.keep(identity, keeping.id, openRecord(keeping));
    await responses.keep(identity, keeping.id, { record, maker });
  } catch (error) {
    log.warn("response_not_kept", { request_id: requestId, error: String(error) });
  }
}

/**
 * A request to be answered in the background is accepted: from now on it is known, and goes on.
 * Where that cannot be promised it is refused.
 */
export async function acceptResponse(call: Call, { responses, world }: AiParts): Promise<void> {
  const { keeping, identity, answer, shownModel: model } = call;
  if (keeping?.isBackground !== true) return;
  await responses.keep(identity, keeping.id, openRecord(keeping)).catch((error: unknown) => {
    const { message: detail } = Fault.from(error);
    throw aiFaults.responses_unavailable({ detail, retryAfterMs: 1_000, cause: error });
  });
  answer.open({ createdAt: Math.floor(world.clock.nowMs() / 1_000), model });
}

function openRecord({ items }: Keeping): { readonly record: ResponseRecord } {
  return { record: { responseJson: "", items: [...items], messageJsons: [], isOpen: true } };
}

function messageIn(body: Buffer): string | undefined {
  const { choices } = JSON.parse(body.toString()) as { choices?: { message?: object }[] };
  const message = choices?.[0]?.message;
  return message === undefined ? undefined : JSON.stringify(message);
}
