/**
 * Writes a tiny model with random weights as a GGUF file, a few hundred kilobytes: the real loader,
 * tokenizer, chat template, sampler and grammar run on it, with no download. What it says is
 * nonsense, but the same nonsense each time on one machine. Printable characters only are likely.
 */
import { writeFile } from "node:fs/promises";

export interface RandomModelOptions {
  readonly seed?: number;
  /** Tokens of context it claims to be trained for. */
  readonly contextTokens?: number;
  /** How much it wants to end: 0 never, 1 as much as any other token. */
  readonly endingWeight?: number;
  /** Give it the tokens to fill gaps. */
  readonly infill?: boolean;
  readonly template?: string | undefined;
  /** Draw only tokens that no text joins to others, so that a text tells its tokens. */
  readonly separate?: boolean;
}

const width = 64;
const heads = 4;
const cacheHeads = 2;
const innerWidth = 128;
const blocks = 2;
const chatTemplate =
  "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + " +
  "message['content'] + '<|im_end|>\n' }}{% endfor %}" +
  "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";
/** Words beyond the single bytes, each made by merging two known pieces, in this order. */
const merges: readonly (readonly [string, string])[] = [
  ["t", "h"],
  ["th", "e"],
  ["Ġ", "the"],
  ["i", "n"],
  ["Ġ", "a"],
  ["e", "r"],
  ["o", "n"],
  ["r", "i"],
  ["ri", "d"],
  ["rid", "er"],
  ["Ġ", "rider"],
  ["l", "l"],
];

export const randomModelTemplate = chatTemplate;

/** Uniform in [-1, 1), from a counter and a seed. */
function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let bits = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    bits = Math.imul(bits ^ (bits >>> 15), 0x735a2d97);
    return ((bits ^ (bits >>> 15)) >>> 0) / 2 ** 31 - 1;
  };
}

/** The letters that stand for the 256 bytes in byte-level vocabularies (GPT-2's table). */
function byteLetters(): readonly string[] {
  const letters: string[] = [];
  let next = 256;
  for (let byte = 0; byte < 256; byte += 1) {
    const isPlain =
      (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || (byte >= 174 && byte <= 255);
    letters.push(String.fromCodePoint(isPlain ? byte : next));
    if (!isPlain) next += 1;
  }
  return letters;
}

interface Vocabulary {
  readonly tokens: readonly string[];
  /** 1 normal, 3 control. */
  readonly types: readonly number[];
  readonly end: number;
  readonly infill: readonly [prefix: number, suffix: number, middle: number];
}

function vocabularyOf(): Vocabulary {
  const tokens = [...byteLetters(), ...merges.map(([left, right]) => left + right)];
  const normal = tokens.length;
  const special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<fim_p>", "<fim_s>", "<fim_m>"];
  tokens.push(...special);
  return {
    tokens,
    types: tokens.map((_, index) => (index < normal ? 1 : 3)),
    end: normal + 2,
    infill: [normal + 3, normal + 4, normal + 5],
  };
}

export async function writeRandomModel(
  path: string,
  options: RandomModelOptions = {},
): Promise<void> {
  await writeFile(path, randomModel(options));
}

export function randomModel(options: RandomModelOptions = {}): Buffer {
  const vocabulary = vocabularyOf();
  const metadata = metadataOf(vocabulary, options);
  const tensors = tensorsOf(vocabulary, options);
  const out = new GgufWriter();
  out.magic(tensors.length, metadata.length);
  for (const write of metadata) write(out);
  let offset = 0;
  for (const { name, shape, values } of tensors) {
    out.tensor(name, shape, offset);
    offset += align(values.byteLength);
  }
  out.pad();
  for (const { values } of tensors) out.data(values);
  return out.buffer();
}

const alignment = 32;

function align(bytes: number): number {
  return Math.ceil(bytes / alignment) * alignment;
}

type MetadataWriter = (out: GgufWriter) => void;

function metadataOf(
  { tokens, types, end, infill }: Vocabulary,
  options: RandomModelOptions,
): readonly MetadataWriter[] {
  const { contextTokens = 1024, template = chatTemplate } = options;
  const text = (key: string, value: string) => (out: GgufWriter) => out.text(key, value);
  const count = (key: string, value: number) => (out: GgufWriter) => out.count(key, value);
  const beginning = tokens.indexOf("<|im_start|>");
  return [
    text("general.architecture", "llama"),
    text("general.name", "random"),
    text("general.license", "CC0-1.0"),
    count("llama.context_length", contextTokens),
    count("llama.embedding_length", width),
    count("llama.block_count", blocks),
    count("llama.feed_forward_length", innerWidth),
    count("llama.attention.head_count", heads),
    count("llama.attention.head_count_kv", cacheHeads),
    count("llama.rope.dimension_count", width / heads),
    (out) => out.real("llama.attention.layer_norm_rms_epsilon", 1e-5),
    text("tokenizer.ggml.model", "gpt2"),
    text("tokenizer.ggml.pre", "default"),
    (out) => out.texts("tokenizer.ggml.tokens", tokens),
    (out) => out.counts("tokenizer.ggml.token_type", types),
    (out) =>
      out.texts(
        "tokenizer.ggml.merges",
        merges.map((pair) => pair.join(" ")),
      ),
    count("tokenizer.ggml.bos_token_id", beginning),
    count("tokenizer.ggml.eos_token_id", end),
    ...(template === "" ? [] : [text("tokenizer.chat_template", template)]),
    ...(options.infill === true
      ? [
          count("tokenizer.ggml.fim_pre_token_id", infill[0]),
          count("tokenizer.ggml.fim_suf_token_id", infill[1]),
          count("tokenizer.ggml.fim_mid_token_id", infill[2]),
        ]
      : []),
  ];
}

interface Tensor {
  readonly name: string;
  /** Innermost first, as GGUF has it. */
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

function tensorsOf(vocabulary: Vocabulary, options: RandomModelOptions): readonly Tensor[] {
  const random = randomOf(options.seed ?? 1);
  const matrix = (name: string, shape: readonly number[], scale: number): Tensor => ({
    name,
    shape,
    values: Float32Array.from(
      { length: shape.reduce((product, side) => product * side, 1) },
      () => random() * scale,
    ),
  });
  const ones = (name: string): Tensor => ({
    name,
    shape: [width],
    values: new Float32Array(width).fill(1),
  });
  const cacheWidth = (width / heads) * cacheHeads;
  const tensors: Tensor[] = [matrix("token_embd.weight", [width, vocabulary.tokens.length], 1)];
  for (let block = 0; block < blocks; block += 1) {
    const name = (part: string): string => `blk.${block}.${part}.weight`;
    tensors.push(
      ones(name("attn_norm")),
      matrix(name("attn_q"), [width, width], 0.3),
      matrix(name("attn_k"), [width, cacheWidth], 0.3),
      matrix(name("attn_v"), [width, cacheWidth], 0.3),
      matrix(name("attn_output"), [width, width], 0.3),
      ones(name("ffn_norm")),
      matrix(name("ffn_gate"), [width, innerWidth], 0.3),
      matrix(name("ffn_up"), [width, innerWidth], 0.3),
      matrix(name("ffn_down"), [innerWidth, width], 0.3),
    );
  }
  tensors.push(ones("output_norm.weight"));
  const output = matrix("output.weight", [width, vocabulary.tokens.length], 0.6);
  for (const [token, text] of vocabulary.tokens.entries()) {
    const isWanted = options.separate === true ? isSeparate(text) : isPrintable(text);
    const isLikely = token === vocabulary.end ? options.endingWeight : isWanted ? 1 : 0;
    const row = output.values.subarray(token * width, (token + 1) * width);
    for (const [index, value] of row.entries()) row[index] = value * (isLikely ?? 0);
  }
  return [...tensors, output];
}

const joined = new Set(merges.flat().flatMap((piece) => [...piece]));

function isSeparate(text: string): boolean {
  return text === "Ġ" || (text.length === 1 && isPrintable(text) && !joined.has(text));
}

function isPrintable(text: string): boolean {
  return /^Ġ?[!-~]*$/.test(text) && !text.startsWith("<");
}

class GgufWriter {
  readonly #parts: Buffer[] = [];
  #bytes = 0;

  buffer(): Buffer {
    return Buffer.concat(this.#parts);
  }

  magic(tensors: number, entries: number): void {
    this.#add(Buffer.from("GGUF"));
    this.#u32(3);
    this.#u64(tensors);
    this.#u64(entries);
  }

  text(key: string, value: string): void {
    this.#key(key, 8);
    this.#string(value);
  }

  count(key: string, value: number): void {
    this.#key(key, 4);
    this.#u32(value);
  }

  real(key: string, value: number): void {
    this.#key(key, 6);
    const bytes = Buffer.alloc(4);
    bytes.writeFloatLE(value);
    this.#add(bytes);
  }

  texts(key: string, values: readonly string[]): void {
    this.#key(key, 9);
    this.#u32(8);
    this.#u64(values.length);
    for (const value of values) this.#string(value);
  }

  counts(key: string, values: readonly number[]): void {
    this.#key(key, 9);
    this.#u32(5);
    this.#u64(values.length);
    for (const value of values) this.#u32(value);
  }

  tensor(name: string, shape: readonly number[], offset: number): void {
    this.#string(name);
    this.#u32(shape.length);
    for (const side of shape) this.#u64(side);
    this.#u32(0);
    this.#u64(offset);
  }

  data(values: Float32Array): void {
    this.#add(Buffer.from(values.buffer, values.byteOffset, values.byteLength));
    this.pad();
  }

  pad(): void {
    this.#add(Buffer.alloc(align(this.#bytes) - this.#bytes));
  }

  #key(key: string, type: number): void {
    this.#string(key);
    this.#u32(type);
  }

  #string(value: string): void {
    const bytes = Buffer.from(value);
    this.#u64(bytes.length);
    this.#add(bytes);
  }

  #u32(value: number): void {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(value);
    this.#add(bytes);
  }

  #u64(value: number): void {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(BigInt(value));
    this.#add(bytes);
  }

  #add(bytes: Buffer): void {
    this.#parts.push(bytes);
    this.#bytes += bytes.length;
  }
}
