/**
 * Which messages of a long conversation go to the model. System messages always stay; whole turns
 * are dropped, the oldest first, so that no tool result stands without the call it answers. The
 * last turn is never dropped.
 */
export interface SizedMessage {
  readonly json: string;
  readonly role: string;
  readonly tokens: number;
}

export interface TrimmedContext {
  readonly kept: readonly SizedMessage[];
  readonly tokens: number;
  readonly dropped: number;
}

/** Undefined when even the system messages and the last turn are larger than the budget. */
export function trimContext(
  messages: readonly SizedMessage[],
  budgetTokens: number,
): TrimmedContext | undefined {
  const turns = splitTurns(messages);
  const droppedTurns = new Set<number>();
  let tokens = messages.reduce((sum, message) => sum + message.tokens, 0);
  for (let turn = 0; turn < turns.count - 1 && tokens > budgetTokens; turn += 1) {
    droppedTurns.add(turn);
    messages.forEach((message, index) => {
      if (turns.of[index] === turn) tokens -= message.tokens;
    });
  }
  if (tokens > budgetTokens) return undefined;
  const kept = messages.filter((_, index) => {
    const turn = turns.of[index];
    return turn === undefined || !droppedTurns.has(turn);
  });
  return { kept, tokens, dropped: messages.length - kept.length };
}

/** A system message, under either of its names. */
export function isInstruction({ role }: Pick<SizedMessage, "role">): boolean {
  return role === "system" || role === "developer";
}

/**
 * The end of a longer history from the first turn that is whole: what stands before the first
 * user's message may be the second half of something, such as a tool result without its call.
 */
export function wholeTurns(messages: readonly SizedMessage[]): readonly SizedMessage[] {
  const first = messages.findIndex(({ role }) => role === "user");
  const start = first === -1 ? messages.length : first;
  return messages.filter((message, index) => index >= start || isInstruction(message));
}

/** The turn of each message: a user's message opens one; system messages belong to none. */
function splitTurns(messages: readonly SizedMessage[]): {
  readonly of: readonly (number | undefined)[];
  readonly count: number;
} {
  let turn = 0;
  let isOpen = false;
  let before = "";
  const of = messages.map(({ role }) => {
    if (isInstruction({ role })) return undefined;
    // Several user messages in a row are one question.
    if (role === "user" && isOpen && before !== "user") turn += 1;
    isOpen = true;
    before = role;
    return turn;
  });
  return { of, count: isOpen ? turn + 1 : 0 };
}
