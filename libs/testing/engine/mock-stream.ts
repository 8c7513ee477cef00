import { type AnswerHabits, answerTo } from "./answer.ts";
import { type Question, questionOf } from "./question.ts";
import { type Envelope, streamEvents, wholeBody } from "./wire-form.ts";

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
  const question = read(kind, body, given);
  const events = streamEvents(question, answerTo(question, given.habits), given.envelope);
  return [...events.map(({ data }) => data), "[DONE]"].map((data) =>
    Buffer.from(`data: ${data}\n\n`),
  );
}

/** The same answer in one piece. */
export function mockWhole(
  kind: Question["kind"],
  body: unknown,
  given: { readonly habits: AnswerHabits; readonly envelope: Envelope },
): Buffer {
  const question = read(kind, body, {});
  return Buffer.from(
    JSON.stringify(wholeBody(question, answerTo(question, given.habits), given.envelope)),
  );
}

function read(
  kind: Question["kind"],
  body: unknown,
  given: { readonly continuesLast?: boolean },
): Question {
  const result = questionOf(kind, body, given);
  if ("problem" in result) throw new Error(result.problem);
  return result.question;
}
