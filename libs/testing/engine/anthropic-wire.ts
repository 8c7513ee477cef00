/** Anthropic's Messages API as the engine speaks it: its own reading and writing of it. Pure. */
import { z } from "zod";
import type { Answer, Choice, Usage } from "./answer.ts";

const block = z.looseObject({
  type: z.string(),
  text: z.string().optional(),
  content: z.unknown().optional(),
});

const requestSchema = z.looseObject({
  model: z.string(),
  max_tokens: z.number().int().min(1),
  messages: z
    .array(
      z.looseObject({
        role: z.enum(["user", "assistant"]),
        content: z.union([z.string().min(1), z.array(block).min(1)]),
      }),
    )
    .min(1),
  system: z.union([z.string(), z.array(block)]).nullish(),
  stream: z.boolean().nullish(),
  stop_sequences: z.array(z.string()).nullish(),
  thinking: z.looseObject({ type: z.enum(["enabled", "disabled", "adaptive"]) }).nullish(),
  tools: z.array(z.looseObject({ name: z.string(), input_schema: z.looseObject({}) })).nullish(),
  tool_choice: z.looseObject({ type: z.string(), name: z.string().optional() }).nullish(),
  output_config: z
    .looseObject({ format: z.looseObject({ type: z.literal("json_schema") }).nullish() })
    .nullish(),
});

type Request = z.infer<typeof requestSchema>;

/** The same question as a chat of OpenAI's form, or what is wrong with it. */
export function chatOfMessages(body: unknown): object | { readonly problem: string } {
  const parsed = requestSchema.safeParse(body);
  if (!parsed.success) return { problem: z.prettifyError(parsed.error) };
  const request = parsed.data;
  const last = request.messages.at(-1);
  return {
    model: request.model,
    max_tokens: request.max_tokens,
    stream: request.stream,
    stop: request.stop_sequences,
    // Without being told to, this kind of server does not think.
    thinking: { type: request.thinking?.type === "enabled" ? "enabled" : "disabled" },
    messages: [
      ...(request.system == null ? [] : [{ role: "system", content: textOf(request.system) }]),
      ...request.messages.map((message) => ({
        role: isResult(message.content) ? "tool" : message.role,
        content: textOf(message.content),
        ...(message === last && message.role === "assistant" ? { prefix: true } : {}),
      })),
    ],
    tools: request.tools?.map(({ name, input_schema }) => ({
      type: "function",
      function: { name, parameters: input_schema },
    })),
    tool_choice: choiceOf(request),
    response_format: request.output_config?.format,
  };
}

function textOf(content: string | readonly z.infer<typeof block>[]): string {
  if (typeof content === "string") return content;
  return content
    .map(({ text, content: inner }) => text ?? (typeof inner === "string" ? inner : ""))
    .join("");
}

function isResult(content: Request["messages"][number]["content"]): boolean {
  return typeof content !== "string" && content.some(({ type }) => type === "tool_result");
}

function choiceOf({ tool_choice: choice }: Request): unknown {
  if (choice == null) return undefined;
  if (choice.type === "tool") return { type: "function", function: { name: choice.name } };
  return choice.type === "any" ? "required" : choice.type;
}

interface Envelope {
  readonly id: string;
  readonly model: string;
}

const stopReasons = { stop: "end_turn", length: "max_tokens", tool_calls: "tool_use" } as const;
const signature = "c2lnbmVkLWJ5LXRoZS1lbmdpbmU=";

export function messageBody(answer: Answer, { id, model }: Envelope): object {
  const [choice] = answer.choices;
  return {
    ...{ id: `msg_${id}`, type: "message", role: "assistant", model },
    content: choice === undefined ? [] : contentOf(choice),
    stop_reason: stopReasons[choice?.finishReason ?? "stop"],
    stop_sequence: null,
    usage: usageOf(answer.usage, answer.usage.completionTokens),
  };
}

function contentOf({ reasoning, content, toolCall }: Choice): object[] {
  return [
    ...(reasoning.length > 0
      ? [{ type: "thinking", thinking: reasoning.join(""), signature }]
      : []),
    ...(content.length > 0 ? [{ type: "text", text: content.join("") }] : []),
    ...(toolCall === undefined
      ? []
      : [
          {
            ...{ type: "tool_use", id: toolCall.id, name: toolCall.name },
            input: JSON.parse(toolCall.arguments.join("")),
          },
        ]),
  ];
}

/** What came from the cache is counted apart. */
function usageOf({ promptTokens, cachedTokens }: Usage, outputTokens: number): object {
  return {
    input_tokens: promptTokens - cachedTokens,
    cache_read_input_tokens: cachedTokens,
    cache_creation_input_tokens: 0,
    output_tokens: outputTokens,
  };
}

export interface NamedEvent {
  readonly name: string;
  readonly data: string;
  readonly paced: boolean;
}

export function messageEvents(answer: Answer, { id, model }: Envelope): NamedEvent[] {
  const [choice] = answer.choices;
  const events: NamedEvent[] = [];
  const push = (name: string, members: object, paced = false): void => {
    events.push({ name, data: JSON.stringify({ type: name, ...members }), paced });
  };
  const message = {
    ...{ id: `msg_${id}`, type: "message", role: "assistant", model, content: [] },
    ...{ stop_reason: null, stop_sequence: null, usage: usageOf(answer.usage, 1) },
  };
  push("message_start", { message });
  push("ping", {});
  const blocks = choice === undefined ? [] : blocksOf(choice);
  for (const [index, { start, deltas }] of blocks.entries()) {
    push("content_block_start", { index, content_block: start });
    for (const { isToken, ...delta } of deltas) {
      push("content_block_delta", { index, delta }, isToken);
    }
    push("content_block_stop", { index });
  }
  push("message_delta", {
    delta: { stop_reason: stopReasons[choice?.finishReason ?? "stop"], stop_sequence: null },
    usage: { output_tokens: answer.usage.completionTokens },
  });
  push("message_stop", {});
  return events;
}

interface Block {
  readonly start: object;
  readonly deltas: readonly { readonly type: string; readonly isToken: boolean }[];
}

function blocksOf({ reasoning, content, toolCall }: Choice): Block[] {
  const blocks: Block[] = [];
  if (reasoning.length > 0) {
    const thoughts = reasoning.map((thinking) => ({
      ...{ type: "thinking_delta", thinking, isToken: true },
    }));
    blocks.push({
      start: { type: "thinking", thinking: "", signature: "" },
      deltas: [...thoughts, { ...{ type: "signature_delta", signature, isToken: false } }],
    });
  }
  if (content.length > 0) {
    blocks.push({
      start: { type: "text", text: "" },
      deltas: content.map((text) => ({ ...{ type: "text_delta", text, isToken: true } })),
    });
  }
  if (toolCall !== undefined) {
    const { id, name, arguments: pieces } = toolCall;
    blocks.push({
      start: { ...{ type: "tool_use", id, name, input: {} } },
      deltas: pieces.map((partial_json) => ({
        ...{ type: "input_json_delta", partial_json, isToken: true },
      })),
    });
  }
  return blocks;
}

export function messageError(type: string, message: string): object {
  return { type: "error", error: { type, message } };
}
