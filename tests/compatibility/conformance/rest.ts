/** OpenAI's and DeepSeek's own paths: what the other transports are measured by. */
import { answerMark, promptHashOf, referenceText } from "@tandem/libs/testing";
import { type HttpDialect, streamRefusal } from "./http.ts";
import { type ChatJson, chatJson, type ErrorJson, joinJson } from "./json-chat.ts";
import type { Joiner } from "./transport.ts";

type WithError<Body> = Body & { readonly error?: ErrorJson };

function errorOf(body: unknown): ErrorJson {
  const { error } = body as { readonly error: ErrorJson };
  return error;
}

function joinChunk(joiner: Joiner, { data }: { readonly data: string }): boolean {
  if (data === "[DONE]") return true;
  const json = JSON.parse(data) as WithError<ChatJson>;
  if (json.error) throw streamRefusal(json.error, joiner.text);
  joinJson(joiner, json);
  return false;
}

const streaming = { stream: true, stream_options: { include_usage: true } };

export const chatCompletions: HttpDialect = {
  name: "Chat completions",
  path: "/v1/chat/completions",
  streams: true,
  body: (ask, model, isStream) => ({ ...chatJson(ask, model), ...(isStream ? streaming : {}) }),
  join: joinChunk,
  joinWhole: (joiner, body) => joinJson(joiner, body as ChatJson),
  errorOf,
};

/** `/v1/completions`: a text goes on. */
export const textCompletions: HttpDialect = {
  name: "Text completions",
  path: "/v1/completions",
  streams: true,
  expected: (content, tokens) =>
    referenceText(promptHashOf([{ role: "fim", text: `${content}\u0002` }]), tokens),
  body: ({ content, maxTokens, isOutOfRange }, model, isStream) => ({
    // Behind the mark the engine finds what was said, where it is to go on with it.
    ...{ model, prompt: `${content}${answerMark}`, max_tokens: maxTokens },
    ...(isOutOfRange ? { temperature: 3 } : {}),
    ...(isStream ? streaming : {}),
  }),
  join: joinChunk,
  joinWhole: (joiner, body) => joinJson(joiner, body as ChatJson),
  errorOf,
};

interface EmbeddingsJson {
  readonly data: readonly { readonly embedding: readonly number[] | string }[];
  readonly usage: ChatJson["usage"];
}

/** The vector as text, so that it can be held against the one that the engine made. */
export const embeddingsInBase64: HttpDialect = {
  ...embeddingsAs("base64"),
  name: "Embeddings, base64",
};
export const embeddingsInFloats: HttpDialect = { ...embeddingsAs("float"), name: "Embeddings" };

function embeddingsAs(format: "float" | "base64"): Omit<HttpDialect, "name"> {
  return {
    path: "/v1/embeddings",
    streams: false,
    body: ({ content, isOutOfRange }, model) => ({
      ...{ model, input: content, encoding_format: format },
      ...(isOutOfRange ? { dimensions: -1 } : {}),
    }),
    join: () => true,
    joinWhole(joiner, body) {
      const { data, usage } = body as EmbeddingsJson;
      const [first] = data;
      const vector =
        typeof first?.embedding === "string" ? floatsIn(first.embedding) : first?.embedding;
      joiner.text = vectorText(vector ?? []);
      joiner.told = "vector";
      joinJson(joiner, { choices: [], usage: usage ?? null });
    },
    errorOf,
  };
}

/** Single precision, which is what base64 and gRPC carry. */
export function vectorText(vector: Iterable<number>): string {
  return [...vector].map((value) => Math.fround(value)).join(" ");
}

/** Little-endian floats of 32 bits, as OpenAI's clients read them. */
function floatsIn(base64: string): number[] {
  const bytes = Buffer.from(base64, "base64");
  return Array.from({ length: bytes.length / 4 }, (_, index) => bytes.readFloatLE(index * 4));
}
