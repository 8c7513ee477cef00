/** The text that an answer says, out of its bytes; undefined when the answer is not whole. Pure. */
import { z } from "zod";

const wholeSchema = z.looseObject({
  choices: z.array(z.looseObject({ message: z.looseObject({ content: z.string() }) })).min(1),
});

const eventSchema = z.looseObject({
  choices: z.array(
    z.looseObject({
      delta: z.looseObject({ content: z.string().nullish() }),
      finish_reason: z.string().nullish(),
    }),
  ),
});

/** Of a chat completion in one piece. */
export function textOfWhole(body: string): string | undefined {
  return wholeSchema.safeParse(parseJson(body)).data?.choices[0]?.message.content;
}

/**
 * Of a streamed chat completion: the joined pieces of its first choice, if a finish reason and
 * `[DONE]` came and every event could be read.
 */
export function textOfStream(body: string): string | undefined {
  let text = "";
  let isFinished = false;
  let isDone = false;
  for (const event of body.split("\n\n")) {
    if (!event.startsWith("data: ")) continue;
    const data = event.slice("data: ".length);
    if (data === "[DONE]") {
      isDone = true;
      continue;
    }
    const parsed = eventSchema.safeParse(parseJson(data));
    if (!parsed.success || isDone) return undefined;
    const [choice] = parsed.data.choices;
    text += choice?.delta.content ?? "";
    isFinished ||= choice?.finish_reason != null;
  }
  return isFinished && isDone ? text : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
