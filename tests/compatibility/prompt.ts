import { promptHashOf, referenceText } from "@tandem/libs/testing";

let prompts = 0;

/** A user turn that nothing has asked before, so that no cache answers it. */
export interface FreshPrompt {
  readonly content: string;
  /** What the engine answers to this turn alone. */
  readonly expected: string;
}

export function freshPrompt(tokens = 16): FreshPrompt {
  prompts += 1;
  const content = `compatibility ${performance.timeOrigin}.${prompts} tokens=${tokens}`;
  const hash = promptHashOf([{ role: "user", text: content }]);
  return { content, expected: referenceText(hash, tokens) };
}
