import { z } from "zod";

const id = z.string().min(1).max(128);

const textPart = z.looseObject({
  type: z.enum(["input_text", "output_text", "text"]),
  text: z.string(),
});

const messageItem = z.looseObject({
  id: id.optional(),
  type: z.literal("message"),
  role: z.enum(["system", "user", "assistant"]),
  content: z.array(textPart).min(1).max(1_000),
});

const callItem = z.looseObject({
  id: id.optional(),
  type: z.literal("function_call"),
  call_id: id,
  name: id,
  arguments: z.string(),
});

const resultItem = z.looseObject({
  id: id.optional(),
  type: z.literal("function_call_output"),
  call_id: id,
  output: z.string(),
});

export const itemSchema = z.discriminatedUnion("type", [messageItem, callItem, resultItem]);

const tool = z.looseObject({
  type: z.literal("function"),
  name: id,
  description: z.string().optional(),
  parameters: z.record(z.string(), z.unknown()).optional(),
  strict: z.boolean().optional(),
});

const toolChoice = z.union([
  z.enum(["none", "auto", "required"]),
  z.looseObject({ type: z.literal("function"), name: id }),
]);

/** What a session and a single response have in common. */
const wishes = z.looseObject({
  instructions: z.string().optional(),
  output_modalities: z.array(z.literal("text")).max(8).optional(),
  tools: z.array(tool).max(128).optional(),
  tool_choice: toolChoice.optional(),
  max_output_tokens: z.union([z.literal("inf"), z.int().min(1)]).optional(),
});

const eventId = { event_id: z.string().max(512).optional() };

/** The text part of what a client may say (OpenAI, Realtime client events). */
export const clientEventSchema = z.discriminatedUnion("type", [
  z.looseObject({
    type: z.literal("session.update"),
    ...eventId,
    session: wishes.extend({ type: z.literal("realtime").optional() }),
  }),
  z.looseObject({
    type: z.literal("conversation.item.create"),
    ...eventId,
    previous_item_id: z.string().max(128).nullish(),
    item: itemSchema,
  }),
  z.looseObject({ type: z.literal("conversation.item.retrieve"), ...eventId, item_id: id }),
  z.looseObject({ type: z.literal("conversation.item.delete"), ...eventId, item_id: id }),
  z.looseObject({
    type: z.literal("response.create"),
    ...eventId,
    response: wishes
      .extend({
        conversation: z.enum(["auto", "none"]).optional(),
        input: z.array(itemSchema).max(1_000).optional(),
        metadata: z.record(z.string(), z.string()).nullish(),
      })
      .optional(),
  }),
  z.looseObject({
    type: z.literal("response.cancel"),
    ...eventId,
    response_id: z.string().max(128).optional(),
  }),
]);

export type ClientEvent = z.infer<typeof clientEventSchema>;
export type Item = z.infer<typeof itemSchema>;
export type Wishes = z.infer<typeof wishes>;
export type Tool = z.infer<typeof tool>;

/** Whether it wants to hear or to say something, which nobody here does. */
export function isAboutAudio(value: unknown): boolean {
  const event = (value ?? {}) as {
    readonly type?: unknown;
    readonly session?: { readonly output_modalities?: unknown; readonly audio?: unknown };
    readonly response?: { readonly output_modalities?: unknown; readonly audio?: unknown };
    readonly item?: { readonly content?: unknown };
  };
  if (/^(input|output)_audio_buffer\.|^conversation\.item\.truncate$/.test(String(event.type))) {
    return true;
  }
  const wished = [event.session, event.response];
  if (wished.some((one) => one?.audio != null || has(one?.output_modalities, "audio"))) return true;
  const parts = Array.isArray(event.item?.content) ? event.item.content : [];
  return parts.some((part) => /audio/.test(String((part as { type?: unknown } | null)?.type)));
}

function has(list: unknown, word: string): boolean {
  return Array.isArray(list) && list.includes(word);
}
