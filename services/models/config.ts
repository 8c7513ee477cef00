import { count, text } from "@tandem/libs/config";
import { z } from "zod";

const amount = (doc: string) => text({ doc, pattern: /^\d{1,9}(\.\d{1,9})?$/, example: "0.30" });

const price = z.strictObject({
  currency: text({ doc: "ISO 4217 code.", default: "USD", pattern: /^[A-Z]{3}$/, example: "USD" }),
  inputPerMillion: amount("Charged for a million prompt tokens."),
  cachedInputPerMillion: amount(
    "Charged for those the upstream had cached; input's when absent.",
  ).optional(),
  outputPerMillion: amount("Charged for a million answer tokens, reasoning included."),
  upstreamInputPerMillion: amount("What the upstream charges us; 0 when absent.").optional(),
  upstreamCachedInputPerMillion: amount("The same for cached prompt tokens.").optional(),
  upstreamOutputPerMillion: amount("The same for answer tokens.").optional(),
});

const target = z.strictObject({
  upstream: text({ doc: "Name of an upstream." }),
  model: text({ doc: "The model's name there." }),
  weight: count({ doc: "Share among targets of one order.", default: 1, min: 0, max: 10_000 }),
  order: count({
    doc: "Targets of the lowest order are tried first.",
    default: 0,
    min: 0,
    max: 99,
  }),
});

const model = z.strictObject({
  id: text({
    doc: "The name callers use.",
    pattern: /^[\w./:@-]{1,128}$/,
    example: "chat-default",
  }),
  displayName: text({ doc: "For people; the id when empty.", default: "" }),
  ownedBy: text({ doc: "Who made it.", default: "tandem" }),
  contextTokens: count({
    doc: "Prompt and answer together; 0: not known.",
    default: 0,
    min: 0,
    max: 1e8,
  }),
  maxOutputTokens: count({ doc: "Longest answer; 0: the context.", default: 0, min: 0, max: 1e8 }),
  capabilities: z
    .array(z.string())
    .default(["chat", "completions", "tools", "json_object", "prefix", "reasoning", "logprobs"])
    .meta({ description: "What callers may ask for; the rest is refused clearly." }),
  targets: z.array(target).default([]).meta({ description: "Where it runs; discovered if empty." }),
  price: price.optional(),
  domains: z.array(z.string()).default([]).meta({ description: "For the rules of auto." }),
  languages: z.array(z.string()).default([]).meta({ description: "For the rules of auto." }),
  sizeClass: count({ doc: "1 (small) to 5 (largest).", default: 2, min: 1, max: 5 }),
});

const rule = z.strictObject({
  id: text({ doc: "Name of the rule." }),
  kinds: z.array(z.string()).default([]).meta({ description: "chat, fim, json, tools, vision." }),
  minPromptTokens: count({
    doc: "Prompts shorter than this do not match.",
    default: 0,
    min: 0,
    max: 1e8,
  }),
  maxPromptTokens: count({ doc: "Longer ones do not; 0: no limit.", default: 0, min: 0, max: 1e8 }),
  languages: z.array(z.string()).default([]).meta({ description: "Language of the prompt." }),
  domains: z.array(z.string()).default([]).meta({ description: "Subject of the prompt." }),
  model: text({ doc: "The model to take." }),
});

export const configSchema = z.strictObject({
  models: z.array(model).default([]).meta({ description: "Models declared by the operator." }),
  aliases: z
    .record(z.string(), z.string())
    .default({})
    .meta({ description: "Other names of models: gpt-4o: chat-default." }),
  rules: z.array(rule).default([]).meta({ description: "How auto chooses; the first match wins." }),
  defaultModel: text({
    doc: "The model for auto when no rule matches, and for examples; chosen when empty.",
    default: "",
  }),
});

export type Config = z.output<typeof configSchema>;
