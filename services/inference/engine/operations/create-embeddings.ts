import type { Ticket } from "../core/lane.ts";
import { faults } from "../faults.ts";
import type { Embedding, LoadedEncoder } from "../generation/loaded-encoder.ts";
import { admit, priorityIn } from "./admission.ts";
import { jsonFields } from "./answer.ts";
import type { Operation, OperationTools } from "./operation-tools.ts";
import { type EmbeddingsBody, parseEmbeddingsBody } from "./request-body.ts";

/** `POST /v1/embeddings`: vectors of length one, as numbers or base64 of little-endian floats. */
export const createEmbeddings: Operation = async (exchange, tools) => {
  const { engine, config, world } = tools;
  const body = parseEmbeddingsBody(await exchange.readBody(config.bodyLimitBytes));
  const inputs = inputsOf(body, config.embeddingInputs);
  const host = engine.encoder(body.model);
  if (host === undefined) {
    throw faults.model_unknown({
      publicMessage: `The engine has no encoder "${body.model}". GET /v1/models lists what it has.`,
      context: { param: "model" },
    });
  }
  const left = new AbortController();
  exchange.onAbort(() => left.abort());
  const signal = AbortSignal.any([left.signal, tools.closing]);
  let ticket: Ticket | undefined;
  try {
    const { loaded } = await admit({
      host,
      lane: engine.embeddingLane,
      priority: priorityIn(exchange),
      world,
      waitTimeoutMs: config.waitTimeoutMs,
      isImpatient: exchange.head.headers.has("x-tandem-no-wait"),
      signal,
      onTicket: (own) => {
        ticket = own;
      },
    });
    const embeddings = await embedAll(inputs, loaded, signal);
    exchange.respond(200, jsonFields, JSON.stringify(answerBody(body, embeddings)));
    countTokens(embeddings, body.model, tools);
  } finally {
    ticket?.leave();
  }
};

type Input = string | readonly number[];

function inputsOf({ input }: EmbeddingsBody, limit: number): readonly Input[] {
  const isOne = typeof input === "string" || typeof input[0] === "number";
  const inputs = (isOne ? [input] : input) as readonly Input[];
  if (inputs.length > limit) {
    throw faults.bad_request({
      publicMessage: `\`input\` holds ${inputs.length} texts; at most ${limit} go at once.`,
    });
  }
  const empty = inputs.findIndex((item) => item.length === 0);
  if (empty < 0) return inputs;
  throw faults.bad_request({ publicMessage: `Input ${empty} is empty. Leave it out.` });
}

async function embedAll(
  inputs: readonly Input[],
  encoder: LoadedEncoder,
  signal: AbortSignal,
): Promise<readonly Embedding[]> {
  const embeddings: Embedding[] = [];
  for (const [index, input] of inputs.entries()) {
    if (signal.aborted) throw faults.closing();
    if (typeof input !== "string" && input.some((token) => token >= encoder.vocabulary)) {
      throw faults.bad_request({
        publicMessage: `Input ${index} holds a token that the encoder does not know.`,
      });
    }
    embeddings.push(await encoder.embed(input, index));
  }
  return embeddings;
}

function answerBody(body: EmbeddingsBody, embeddings: readonly Embedding[]): object {
  const width = embeddings[0]?.vector.length ?? 0;
  if (body.dimensions !== undefined && body.dimensions !== null && body.dimensions !== width) {
    throw faults.unsupported({
      publicMessage: `This encoder gives ${width} dimensions, no other number. Leave it out.`,
      context: { param: "dimensions" },
    });
  }
  const tokens = sumTokens(embeddings);
  return {
    object: "list",
    data: embeddings.map(({ vector }, index) => ({
      object: "embedding",
      index,
      embedding: body.encoding_format === "base64" ? base64Of(vector) : [...vector],
    })),
    model: body.model,
    usage: { prompt_tokens: tokens, total_tokens: tokens },
  };
}

function base64Of(vector: Float32Array): string {
  const bytes = Buffer.alloc(vector.length * 4);
  for (const [index, value] of vector.entries()) bytes.writeFloatLE(value, index * 4);
  return bytes.toString("base64");
}

function sumTokens(embeddings: readonly Embedding[]): number {
  return embeddings.reduce((sum, { tokens }) => sum + tokens, 0);
}

function countTokens(
  embeddings: readonly Embedding[],
  model: string,
  { metrics }: OperationTools,
): void {
  metrics.tokens.add(sumTokens(embeddings), { model, kind: "input" });
}
