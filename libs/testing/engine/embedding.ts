/** Embeddings that depend on the text only. Pure. */
import { z } from "zod";
import { hashText, seededRandom } from "../seeded-random.ts";
import { countTokens } from "./reference-text.ts";

const requestSchema = z.looseObject({
  model: z.string(),
  input: z.union([z.string(), z.array(z.string()).min(1)]),
  dimensions: z.number().int().min(1).max(4_096).nullish(),
  encoding_format: z.enum(["float", "base64"]).nullish(),
});

/** The answer to a request for embeddings; undefined when it is none. Vectors have length 1. */
export function embeddingsBody(body: unknown): object | undefined {
  const parsed = requestSchema.safeParse(body);
  if (!parsed.success) return undefined;
  const { model, input, dimensions, encoding_format } = parsed.data;
  const texts = typeof input === "string" ? [input] : input;
  const promptTokens = texts.reduce((sum, text) => sum + countTokens(text), 0);
  return {
    object: "list",
    model,
    data: texts.map((text, index) => {
      const vector = referenceVector(text, dimensions ?? 8);
      const embedding = encoding_format === "base64" ? base64Of(vector) : vector;
      return { object: "embedding", index, embedding };
    }),
    usage: { prompt_tokens: promptTokens, total_tokens: promptTokens },
  };
}

/** The vector of a text, of length 1. */
export function referenceVector(text: string, dimensions = 8): number[] {
  const random = seededRandom(hashText(text));
  const raw = Array.from({ length: dimensions }, () => random.fraction() - 0.5);
  const length = Math.hypot(...raw);
  return raw.map((value) => value / length);
}

/** Little-endian 32-bit floats, as the OpenAI clients decode them. */
function base64Of(vector: readonly number[]): string {
  const bytes = Buffer.alloc(vector.length * 4);
  for (const [index, value] of vector.entries()) bytes.writeFloatLE(value, index * 4);
  return bytes.toString("base64");
}
