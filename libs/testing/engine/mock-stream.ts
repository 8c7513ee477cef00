import { type AnswerHabits, answerTo } from "./answer.ts";
import { type Question, questionOf } from "./question.ts";
import { type Envelope, streamEvents } from "./wire-form.ts";

/** The stream that a mock engine answers to a body, without an engine: one buffer an event. */
export function mockStream(
  kind: Question["kind"],
  body: unknown,
  given: {
    readonly habits: AnswerHabits;
    readonly envelope: Envelope;
    readonly continuesLast?: boolean;
  },
): readonly Buffer[] {
  const result = questionOf(kind, body, given);
  if ("problem" in result) throw new Error(result.problem);
  const { question } = result;
  const events = streamEvents(question, answerTo(question, given.habits), given.envelope);
  return [...events.map(({ data }) => data), "[DONE]"].map((data) =>
    Buffer.from(`data: ${data}\n\n`),
  );
}
