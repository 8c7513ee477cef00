import { faults } from "../faults.ts";
import type { Llama, LlamaEmbeddingContext, LlamaModel } from "./llama.ts";

export interface Embedding {
  /** Of length one. */
  readonly vector: Float32Array;
  readonly tokens: number;
}

/** A sentence encoder in memory. One text at a time; the lane sees to that. */
export class LoadedEncoder {
  readonly contextTokens: number;
  /** Number of tokens it knows; 0 when the file does not tell. */
  readonly vocabulary: number;
  readonly #model: LlamaModel;
  readonly #context: LlamaEmbeddingContext;

  private constructor(parts: {
    readonly model: LlamaModel;
    readonly context: LlamaEmbeddingContext;
    readonly contextTokens: number;
    readonly vocabulary: number;
  }) {
    this.#model = parts.model;
    this.#context = parts.context;
    this.contextTokens = parts.contextTokens;
    this.vocabulary = parts.vocabulary;
  }

  static async load(options: {
    readonly llama: Llama;
    readonly path: string;
    readonly contextTokens: number;
    readonly threads: number;
    readonly vocabulary: number;
    readonly signal: AbortSignal;
  }): Promise<LoadedEncoder> {
    const { llama, path, contextTokens, threads, vocabulary, signal } = options;
    const model = await llama.loadModel(path, signal);
    const contextSize = Math.min(contextTokens, model.trainContextSize);
    const context = await model.createEmbeddingContext({
      contextSize,
      batchSize: contextSize,
      threads,
    });
    return new LoadedEncoder({ model, context, contextTokens: contextSize, vocabulary });
  }

  /** Throws `engine.context_overflow` for a text the encoder cannot see whole. */
  async embed(input: string | readonly number[], index: number): Promise<Embedding> {
    const tokens = this.#context.calculateInputLength(input);
    if (tokens >= this.contextTokens) {
      throw faults.context_overflow({
        publicMessage:
          `Input ${index} has ${tokens} tokens; the encoder takes ${this.contextTokens - 1}. ` +
          "Split it into shorter passages.",
      });
    }
    const { vector } = await this.#context.getEmbeddingFor(input);
    return { vector: normalized(vector), tokens };
  }

  dispose(): Promise<void> {
    return this.#model.dispose();
  }
}

function normalized(vector: readonly number[]): Float32Array {
  let squares = 0;
  for (const value of vector) squares += value * value;
  const scale = squares === 0 ? 0 : 1 / Math.sqrt(squares);
  return Float32Array.from(vector, (value) => value * scale);
}
