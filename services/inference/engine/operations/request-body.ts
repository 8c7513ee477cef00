import { z } from "zod";
import { faults } from "../faults.ts";

const textPart = z.looseObject({ type: z.string(), text: z.string().optional() });

const message = z.looseObject({
  role: z.string().min(1).max(32),
  content: z.union([z.string(), z.array(textPart)]).nullish(),
  prefix: z.boolean().nullish(),
});

/** What a request may ask of a generation, in either form. Unknown members are ignored. */
const generation = {
  model: z.string().min(1),
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
  max_tokens: z.int().min(1).nullish(),
  max_completion_tokens: z.int().min(1).nullish(),
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().gt(0).max(1).nullish(),
  top_k: z.int().min(0).nullish(),
  min_p: z.number().min(0).max(1).nullish(),
  repetition_penalty: z.number().gt(0).max(10).nullish(),
  seed: z.int().nullish(),
  stop: z.union([z.string(), z.array(z.string()).max(16)]).nullish(),
  n: z.int().min(1).nullish(),
  best_of: z.int().min(1).nullish(),
};

const responseFormat = z.discriminatedUnion("type", [
  z.looseObject({ type: z.literal("text") }),
  z.looseObject({ type: z.literal("json_object") }),
  z.looseObject({
    type: z.literal("json_schema"),
    json_schema: z.looseObject({ schema: z.record(z.string(), z.unknown()) }),
  }),
]);

const chatBody = z.looseObject({
  ...generation,
  messages: z.array(message).min(1),
  response_format: responseFormat.nullish(),
  logprobs: z.boolean().nullish(),
  top_logprobs: z.int().min(0).max(20).nullish(),
  tools: z.array(z.unknown()).nullish(),
  tool_choice: z.unknown().optional(),
  continue_final_message: z.boolean().nullish(),
});

const textBody = z.looseObject({
  ...generation,
  prompt: z.union([z.string(), z.array(z.string()), z.array(z.int().min(0))]),
  suffix: z.string().nullish(),
  echo: z.boolean().nullish(),
  logprobs: z.int().min(0).max(20).nullish(),
});

const embeddingsBody = z.looseObject({
  model: z.string().min(1),
  input: z.union([
    z.string(),
    z.array(z.string()).min(1),
    z.array(z.int().min(0)).min(1),
    z.array(z.array(z.int().min(0)).min(1)).min(1),
  ]),
  encoding_format: z.enum(["float", "base64"]).nullish(),
  dimensions: z.int().min(1).nullish(),
});

export type ChatBody = z.infer<typeof chatBody>;
export type TextBody = z.infer<typeof textBody>;
export type EmbeddingsBody = z.infer<typeof embeddingsBody>;
export type GenerationBody = Pick<ChatBody, keyof typeof generation>;

export function parseChatBody(body: Buffer): ChatBody {
  return parse(chatBody, body);
}

export function parseTextBody(body: Buffer): TextBody {
  return parse(textBody, body);
}

export function parseEmbeddingsBody(body: Buffer): EmbeddingsBody {
  return parse(embeddingsBody, body);
}

function parse<Schema extends z.ZodType>(schema: Schema, body: Buffer): z.output<Schema> {
  let value: unknown;
  try {
    value = JSON.parse(body.toString("utf8"));
  } catch (error) {
    throw faults.bad_request({ publicMessage: "The body is not valid JSON.", cause: error });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const place = issue?.path.join(".") ?? "";
  throw faults.bad_request({
    publicMessage: `${place === "" ? "The body" : `\`${place}\``}: ${issue?.message ?? "invalid"}.`,
    context: { param: place },
  });
}
