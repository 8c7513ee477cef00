import { answerMessage, wholeBody } from "../answer-body.ts";
import type { Call } from "../call.ts";
import type { AiParts } from "../parts.ts";
import { messagesOf } from "../phases/prepare-context.ts";

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
  try {
    await responses.keep(identity, keeping.id, {
      responseJson: keeping.told(canonical),
      items: [...keeping.items],
      messageJsons: [...call.previousJsons, ...said, message],
    });
  } catch (error) {
    log.warn("response_not_kept", { request_id: requestId, error: String(error) });
  }
}

function messageIn(body: Buffer): string | undefined {
  const { choices } = JSON.parse(body.toString()) as { choices?: { message?: object }[] };
  const message = choices?.[0]?.message;
  return message === undefined ? undefined : JSON.stringify(message);
}
