/**
 * What the engine uses of node-llama-cpp, as types of our own: the package is installed apart from
 * the workspaces, perhaps only while the engine runs, so nothing may import its types. `loadLlama`
 * is the only place that touches it.
 */
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

export interface LlamaTokens {
  readonly bos: number | null;
  readonly bosString: string | null;
  readonly eosString: string | null;
  readonly shouldPrependBosToken: boolean;
  readonly infill: {
    readonly prefix: number | null;
    readonly middle: number | null;
    readonly suffix: number | null;
  };
}

export interface LlamaModel {
  readonly tokens: LlamaTokens;
  readonly trainContextSize: number;
  tokenize(text: string, specialTokens?: boolean, options?: "trimLeadingSpace"): number[];
  detokenize(
    tokens: readonly number[],
    specialTokens?: boolean,
    lastTokens?: readonly number[],
  ): string;
  isEogToken(token: number): boolean;
  iterateAllTokens(): Iterable<number>;
  createContext(options: {
    readonly contextSize: number;
    readonly batchSize: number;
    readonly sequences: number;
    readonly threads: number;
    readonly createSignal?: AbortSignal;
  }): Promise<LlamaContext>;
  createEmbeddingContext(options: {
    readonly contextSize: number;
    readonly batchSize: number;
    readonly threads: number;
  }): Promise<LlamaEmbeddingContext>;
  dispose(): Promise<void>;
}

export interface LlamaContext {
  readonly contextSize: number;
  getSequence(): LlamaSequence;
}

export interface SamplingOptions {
  readonly temperature: number;
  readonly topP: number;
  readonly topK: number;
  readonly minP: number;
  readonly seed: number;
  readonly repeatPenalty?: { readonly punishTokens: number[]; readonly penalty: number };
}

export interface LogitFilter {
  readonly filter: {
    readonly tokens: readonly number[];
    readonly includeSelected?: boolean;
    readonly includeTop?: number;
  };
}

export interface EvaluationOutput {
  readonly next: {
    readonly token?: number | null;
    readonly logits?: ReadonlyMap<number, number>;
    readonly totalLogitWeight?: number;
  };
}

export interface LlamaSequence {
  readonly nextTokenIndex: number;
  adaptStateToTokens(tokens: readonly number[], allowShift: boolean): Promise<void>;
  evaluateWithoutGeneratingNewTokens(tokens: readonly number[]): Promise<void>;
  /** With grammar: one token is drawn, the iterator is left after it. */
  evaluate(
    tokens: readonly number[],
    options: SamplingOptions & {
      readonly grammarEvaluationState: GrammarState;
      readonly tokenBias?: TokenBias;
      readonly yieldEogToken: true;
    },
  ): AsyncIterable<number>;
  controlledEvaluate(
    input: readonly (
      | number
      | [
          token: number,
          options: {
            readonly generateNext: {
              readonly token?: true;
              readonly logits?: LogitFilter;
              readonly totalLogitWeight?: boolean;
              readonly options: SamplingOptions;
            };
          },
        ]
    )[],
  ): Promise<(EvaluationOutput | undefined)[]>;
}

export interface LlamaEmbeddingContext {
  getEmbeddingFor(input: string | readonly number[]): Promise<{ readonly vector: number[] }>;
  calculateInputLength(input: string | readonly number[]): number;
}

/** Opaque: where in a grammar a generation stands. */
export interface GrammarState {
  clone(): GrammarState;
}

/** Opaque: pushes single tokens. */
export interface TokenBias {
  set(token: number, bias: { readonly logit: number }): TokenBias;
}

/** Opaque: a compiled grammar. */
export interface Grammar {
  readonly grammar: string;
}

export interface ChatTemplate {
  render(values: Readonly<Record<string, unknown>>): string;
}

/** The runtime, loaded. */
export interface Llama {
  loadModel(path: string, signal: AbortSignal): Promise<LlamaModel>;
  /** A grammar for any JSON object, or for what a schema allows. */
  jsonGrammar(schema: Readonly<Record<string, unknown>> | undefined): Promise<Grammar>;
  grammarState(model: LlamaModel, grammar: Grammar): GrammarState;
  tokenBias(model: LlamaModel): TokenBias;
  chatTemplate(source: string): ChatTemplate;
  dispose(): Promise<void>;
}

interface LlamaRoot {
  loadModel(options: {
    readonly modelPath: string;
    readonly loadSignal: AbortSignal;
    readonly gpuLayers: number;
  }): Promise<LlamaModel>;
  createGrammarForJsonSchema(schema: object): Promise<Grammar>;
  getGrammarFor(type: "json"): Promise<Grammar>;
  dispose(): Promise<void>;
}

interface LlamaPackage {
  getLlama(options: {
    readonly gpu: false;
    readonly build: "never";
    readonly skipDownload: true;
    readonly progressLogs: false;
    readonly maxThreads: number;
    readonly logLevel: "error";
    readonly logger: (level: string, message: string) => void;
  }): Promise<LlamaRoot>;
  readonly LlamaGrammarEvaluationState: new (options: {
    readonly model: LlamaModel;
    readonly grammar: Grammar;
  }) => GrammarState;
  readonly TokenBias: { for(model: LlamaModel): TokenBias };
}

interface TemplatePackage {
  readonly Template: new (source: string) => ChatTemplate;
}

/**
 * Loads the runtime from the folder it was installed in. Takes a quarter of a second of CPU and
 * more on a busy machine. Graphics cards are off and so is building: what npm brought is used.
 */
export async function loadLlama(options: {
  readonly runtimeDirectory: string;
  readonly threads: number;
  readonly onMessage: (level: string, message: string) => void;
}): Promise<Llama> {
  const { resolve } = createRequire(join(options.runtimeDirectory, "package.json"));
  const load = async (name: string): Promise<unknown> =>
    import(pathToFileURL(resolve(name)).href) as Promise<unknown>;
  const library = (await load("node-llama-cpp")) as LlamaPackage;
  const templates = (await load("@huggingface/jinja")) as TemplatePackage;
  const root = await library.getLlama({
    gpu: false,
    build: "never",
    skipDownload: true,
    progressLogs: false,
    maxThreads: options.threads,
    logLevel: "error",
    logger: options.onMessage,
  });
  return {
    loadModel: (modelPath, loadSignal) => root.loadModel({ modelPath, loadSignal, gpuLayers: 0 }),
    jsonGrammar: (schema) =>
      schema === undefined ? root.getGrammarFor("json") : root.createGrammarForJsonSchema(schema),
    grammarState: (model, grammar) => new library.LlamaGrammarEvaluationState({ model, grammar }),
    tokenBias: (model) => library.TokenBias.for(model),
    chatTemplate: (source) => new templates.Template(source),
    dispose: () => root.dispose(),
  };
}
