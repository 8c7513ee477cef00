/**
 * The models of one engine and the lanes in front of them. Generations go through one lane, one at
 * a time, whatever their model: on a shared machine two at once are slower than one after another.
 * Embeddings have a lane of their own, since each takes milliseconds.
 */
import { stat } from "node:fs/promises";
import type { Log } from "@tandem/libs/telemetry";
import type { World } from "@tandem/libs/world";
import { catalogueEntry } from "../catalogue.ts";
import type { EngineConfig } from "../config.ts";
import { Lane } from "../core/lane.ts";
import type { ModelEntry, SamplingDefaults } from "../core/model-entry.ts";
import type { ModelState } from "../core/model-state.ts";
import { obtainModel } from "../download/obtain-model.ts";
import { faults } from "../faults.ts";
import { inspectFile, requireMemory } from "./inspect-file.ts";
import type { Llama } from "./llama.ts";
import { LoadedEncoder } from "./loaded-encoder.ts";
import { LoadedModel } from "./loaded-model.ts";
import { type ModelFacts, ModelHost } from "./model-host.ts";
import type { PromptTools } from "./prompt.ts";
import { Runtime } from "./runtime.ts";

/** A generative model with what its requests need besides. */
export interface Generator {
  readonly model: LoadedModel;
  readonly llama: Llama;
  readonly prompt: PromptTools;
  readonly sampling: SamplingDefaults;
  /** Number of tokens it knows; 0 when the file does not tell. */
  readonly vocabulary: number;
}

export type GeneratorHost = ModelHost<Generator>;
export type EncoderHost = ModelHost<LoadedEncoder>;

/** A model to make ready: of the catalogue, or a file of the user's own. */
type Wanted =
  | { readonly id: string; readonly entry: ModelEntry }
  | { readonly id: string; readonly path: string };

export interface EnginePlaces {
  readonly world: World;
  readonly log: Log;
  readonly config: EngineConfig;
  readonly engineDirectory: string;
  readonly dataDirectory: string;
}

const encoderId = "all-minilm-l6-v2";
const ownSampling: SamplingDefaults = { temperature: 0.7, topP: 0.95, repeatPenalty: 1 };
const encoderArchitectures = /bert|encoder|embed/;

export class Engine {
  readonly generationLane: Lane;
  readonly embeddingLane: Lane;
  readonly runtime: Runtime;
  readonly #places: EnginePlaces;
  readonly #generators = new Map<string, GeneratorHost>();
  readonly #encoders = new Map<string, EncoderHost>();

  constructor(places: EnginePlaces) {
    const { config } = places;
    this.#places = places;
    checkChoices(config);
    this.generationLane = new Lane(config.queueLimit);
    this.embeddingLane = new Lane(config.queueLimit);
    this.runtime = new Runtime({
      ...places,
      runtimeDirectory: `${places.engineDirectory}/runtime`,
      threads: config.threads,
    });
  }

  /** Of the model that this id names; undefined when the engine has none of that name. */
  generator(id: string): GeneratorHost | undefined {
    return this.#generators.get(id);
  }

  encoder(id: string): EncoderHost | undefined {
    return this.#encoders.get(id);
  }

  hosts(): readonly (GeneratorHost | EncoderHost)[] {
    return [...this.#generators.values(), ...this.#encoders.values()];
  }

  /**
   * Makes everything ready in the background; resolves when all is, or when the signal rings. A
   * model that fails is tried again by itself and keeps nothing else waiting.
   */
  async prepare(signal: AbortSignal): Promise<void> {
    const { config } = this.#places;
    const runs: Promise<void>[] = [];
    const own = await Promise.all(config.models.map((wanted) => this.#kindOf(wanted)));
    for (const { wanted, isEncoder } of own) runs.push(this.#start(wanted, isEncoder, signal));
    const encoder = catalogueEntry(encoderId);
    if (encoder !== undefined) {
      runs.push(this.#start({ id: encoderId, entry: encoder }, true, signal));
    }
    if (config.generate && config.model !== "") {
      const entry = requiredEntry(config.model);
      runs.push(this.#startGenerator({ id: entry.id, entry }, signal, runs));
    }
    for (let index = 0; index < runs.length; index += 1) await runs[index];
  }

  async close(): Promise<void> {
    for (const host of this.#generators.values()) await host.loaded?.model.dispose();
    for (const host of this.#encoders.values()) await host.loaded?.dispose();
    await this.runtime.dispose();
  }

  async #kindOf(wanted: { readonly id: string; readonly path: string }) {
    const inspected = await inspectFile(wanted.path).catch(() => undefined);
    const architecture = inspected?.shape.architecture ?? "";
    return { wanted, isEncoder: encoderArchitectures.test(architecture) };
  }

  #start(wanted: Wanted, isEncoder: boolean, signal: AbortSignal): Promise<void> {
    if (!isEncoder) return this.#startGenerator(wanted, signal, undefined);
    const host: EncoderHost = new ModelHost({
      ...this.#hostOptions(wanted, "embed"),
      prepare: (tell, ended) => this.#prepareEncoder(wanted, tell, ended),
    });
    this.#encoders.set(wanted.id, host);
    return host.run(signal);
  }

  /** With `others`, the second choice is started too when the first one fails the first time. */
  #startGenerator(
    wanted: Wanted,
    signal: AbortSignal,
    others: Promise<void>[] | undefined,
  ): Promise<void> {
    const host: GeneratorHost = new ModelHost({
      ...this.#hostOptions(wanted, "generate"),
      prepare: (tell, ended) => this.#prepareGenerator(wanted, tell, ended),
    });
    this.#generators.set(wanted.id, host);
    return host.run(signal, () => {
      const { secondModel } = this.#places.config;
      if (others === undefined || secondModel === "" || this.#generators.has(secondModel)) return;
      // Another model helps only against sources that fail; not against a full disk or memory.
      if (host.state.kind !== "failed" || host.state.reason !== "engine.source_failed") return;
      const entry = requiredEntry(secondModel);
      others.push(this.#startGenerator({ id: entry.id, entry }, signal, undefined));
    });
  }

  #hostOptions(wanted: Wanted, purpose: ModelFacts["purpose"]) {
    const { world, log, config } = this.#places;
    const backOff = { firstMs: config.retryFirstMs, lastMs: config.retryLastMs };
    return { world, log, backOff, facts: this.#plannedFacts(wanted, purpose) };
  }

  #plannedFacts(wanted: Wanted, purpose: ModelFacts["purpose"]): ModelFacts {
    if ("entry" in wanted) {
      const { id, name, license, note, sizeBytes, contextTokens, sha256 } = wanted.entry;
      const limit = purpose === "embed" ? contextTokens : this.#places.config.contextTokens;
      const context = Math.min(contextTokens, limit);
      const fingerprint = sha256.slice(0, 12);
      return { id, name, license, purpose, note, sizeBytes, contextTokens: context, fingerprint };
    }
    return {
      id: wanted.id,
      name: wanted.id,
      license: "",
      purpose,
      note: "A model file of your own.",
      sizeBytes: 0,
      contextTokens: 0,
      fingerprint: "own",
    };
  }

  async #prepareGenerator(
    wanted: Wanted,
    tell: (state: ModelState) => void,
    signal: AbortSignal,
  ): Promise<{ readonly loaded: Generator; readonly facts: ModelFacts }> {
    const { world, config } = this.#places;
    const found = await this.#foundFile(wanted, "generate", tell, signal);
    const { path, shape, contextTokens, llama } = found;
    tell({ kind: "loading" });
    const { threads } = config;
    const model = await LoadedModel.load({ llama, path, contextTokens, threads, world, signal });
    const template =
      shape.chatTemplate === undefined ? undefined : llama.chatTemplate(shape.chatTemplate);
    const entry = "entry" in wanted ? wanted.entry : undefined;
    const format = entry?.chatFormat ?? "template";
    const sampling = entry?.sampling ?? ownSampling;
    const facts = { ...found.facts, contextTokens: model.contextTokens };
    const prompt = { model: model.model, format, template, system: entry?.system ?? "" };
    const { vocabulary } = shape;
    return { loaded: { model, llama, prompt, sampling, vocabulary }, facts };
  }

  async #prepareEncoder(
    wanted: Wanted,
    tell: (state: ModelState) => void,
    signal: AbortSignal,
  ): Promise<{ readonly loaded: LoadedEncoder; readonly facts: ModelFacts }> {
    const found = await this.#foundFile(wanted, "embed", tell, signal);
    const { path, contextTokens, llama } = found;
    const { threads } = this.#places.config;
    tell({ kind: "loading" });
    const { vocabulary } = found.shape;
    const options = { llama, path, contextTokens, threads, vocabulary, signal };
    const loaded = await LoadedEncoder.load(options);
    return { loaded, facts: { ...found.facts, contextTokens: loaded.contextTokens } };
  }

  /** The model's file, fetched where need be, and checked; the runtime comes meanwhile. */
  async #foundFile(
    wanted: Wanted,
    purpose: ModelFacts["purpose"],
    tell: (state: ModelState) => void,
    signal: AbortSignal,
  ) {
    const { config } = this.#places;
    const runtime = this.runtime.get(signal);
    // Its failure is met below, when the file is there.
    runtime.catch(() => undefined);
    const path = await this.#pathOf(wanted, tell, signal);
    const inspected = await inspectFile(path);
    const { shape, fileBytes } = inspected;
    const limit = purpose === "embed" ? shape.contextTokens : config.contextTokens;
    const contextTokens = Math.min(shape.contextTokens, limit);
    const reserveBytes = config.memoryReserveBytes;
    requireMemory(wanted.id, inspected, { contextTokens, reserveBytes });
    tell({ kind: "waiting", on: "the model runtime" });
    const llama = await runtime;
    const planned = this.#plannedFacts(wanted, purpose);
    if ("entry" in wanted) return { path, shape, contextTokens, llama, facts: planned };
    const { mtimeMs } = await stat(path);
    const facts: ModelFacts = {
      ...planned,
      name: shape.name ?? wanted.id,
      license: shape.license ?? "",
      sizeBytes: fileBytes,
      fingerprint: `${fileBytes.toString(36)}${Math.floor(mtimeMs).toString(36)}`,
    };
    return { path, shape, contextTokens, llama, facts };
  }

  async #pathOf(
    wanted: Wanted,
    tell: (state: ModelState) => void,
    signal: AbortSignal,
  ): Promise<string> {
    const { world, config, engineDirectory, dataDirectory } = this.#places;
    const configured = config.files[wanted.id];
    if (configured !== undefined) return configured;
    if ("path" in wanted) return wanted.path;
    return obtainModel(wanted.entry, {
      world,
      signal,
      engineDirectory,
      modelsDirectory: `${dataDirectory}/models`,
      hubUrl: config.hubUrl,
      pythonIndexUrl: config.pythonIndexUrl,
      onProgress: (source, doneBytes, totalBytes) =>
        tell({ kind: "obtaining", source, doneBytes, totalBytes }),
      onVerifying: () => tell({ kind: "verifying" }),
    });
  }
}

/** What the schema of the settings cannot know. Throws before anything is opened. */
function checkChoices({ model, secondModel, models }: EngineConfig): void {
  for (const id of [model, secondModel]) if (id !== "") requiredEntry(id);
  const seen = new Set<string>([encoderId, model, secondModel]);
  for (const { id } of models) {
    if (seen.has(id)) {
      throw faults.model_refused({
        publicMessage: `engine.models: the id "${id}" is taken. Call your model something else.`,
      });
    }
    seen.add(id);
  }
}

function requiredEntry(id: string): ModelEntry {
  const entry = catalogueEntry(id);
  if (entry?.purpose === "generate") return entry;
  throw faults.model_refused({
    publicMessage:
      `engine.model: the catalogue has no generative model "${id}". ` +
      "List files of your own under engine.models.",
  });
}
