/** A whole answer as the stream that a client asked for: role, words, and the end of each choice. */

interface Whole {
  readonly id?: unknown;
  readonly created?: unknown;
  readonly model?: unknown;
  readonly system_fingerprint?: unknown;
  readonly usage?: unknown;
  readonly choices?: readonly WholeChoice[];
}

interface WholeChoice {
  readonly index?: number;
  readonly text?: string;
  readonly finish_reason?: string;
  readonly logprobs?: unknown;
  readonly message?: {
    readonly content?: string | null;
    readonly reasoning_content?: string | null;
    readonly tool_calls?: readonly object[];
  };
}

/** Events for a whole answer given as JSON, `[DONE]` included. */
export function replayAsStream(wholeJson: string, endpoint: "chat" | "completions"): string {
  const whole = JSON.parse(wholeJson) as Whole;
  const isChat = endpoint === "chat";
  const head = {
    id: whole.id,
    object: isChat ? "chat.completion.chunk" : "text_completion",
    created: whole.created,
    model: whole.model,
    system_fingerprint: whole.system_fingerprint,
  };
  const choices = whole.choices ?? [];
  let events = "";
  for (const [position, choice] of choices.entries()) {
    const index = choice.index ?? position;
    const pieces = isChat ? chatPieces(choice) : [{ text: choice.text ?? "" }];
    for (const piece of pieces) {
      events += eventOf({ ...head, choices: [{ index, ...piece, finish_reason: null }] });
    }
    const isLast = position === choices.length - 1;
    const last = {
      index,
      ...(isChat ? { delta: { content: "" } } : { text: "" }),
      finish_reason: choice.finish_reason,
    };
    events += eventOf({ ...head, choices: [last], ...(isLast ? { usage: whole.usage } : {}) });
  }
  return `${events}data: [DONE]\n\n`;
}

function chatPieces(choice: WholeChoice): readonly object[] {
  const { content, reasoning_content: reasoning, tool_calls: calls } = choice.message ?? {};
  const pieces: object[] = [{ delta: { role: "assistant", content: "" } }];
  if (reasoning) pieces.push({ delta: { content: null, reasoning_content: reasoning } });
  if (content) {
    pieces.push({
      delta: { content },
      ...(choice.logprobs ? { logprobs: choice.logprobs } : {}),
    });
  }
  if (calls !== undefined) {
    const indexed = calls.map((call, index) => ({ index, ...call }));
    pieces.push({ delta: { tool_calls: indexed } });
  }
  return pieces;
}

function eventOf(value: object): string {
  return `data: ${JSON.stringify(value)}\n\n`;
}
