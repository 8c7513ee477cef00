/**
 * Vectors of texts, from the embedded engine or another server of embeddings in OpenAI's form. It
 * fails by `articles.encoder_unavailable`, at once while the last failure is fresh: nobody who
 * searches waits twice for a server that hangs.
 */
import { type ClientPool, createClientPool } from "@tandem/libs/http";
import { Fault } from "@tandem/libs/kernel";
import type { World } from "@tandem/libs/world";
import { articlesFaults } from "../faults.ts";
import { postJson, type ServerPlace } from "./post-json.ts";

export interface EmbedOptions {
  readonly timeoutMs: number;
  /** Stops it, which says nothing of the server. */
  readonly signal?: AbortSignal;
}

export interface Encoder {
  /** The model's name: vectors of two names have nothing to do with each other. */
  readonly name: string;
  /** False while a failure is fresh. */
  readonly isUp: boolean;
  /** One vector a text, in order; undefined for a text that it does not take. */
  embed(
    texts: readonly string[],
    options: EmbedOptions,
  ): Promise<readonly (readonly number[] | undefined)[]>;
  close(): void;
}

const firstPauseMs = 500;
const longestPauseMs = 15_000;
/** Encoders read some five hundred tokens; a text that is longer is cut, at last to this. */
const leastTextLength = 100;

export function createEncoder(options: {
  readonly world: World;
  readonly model: string;
  /** Tried one after the other. */
  readonly places: readonly ServerPlace[];
}): Encoder {
  const { world, model } = options;
  const servers = options.places.map((place) => ({
    place,
    pool: createClientPool({ address: place.address, world }),
  }));
  let failures = 0;
  let outUntilMs = 0;
  return {
    name: model,
    get isUp() {
      return world.clock.monotonicMs() >= outUntilMs;
    },
    async embed(texts, embedOptions) {
      if (world.clock.monotonicMs() < outUntilMs) {
        throw articlesFaults.encoder_unavailable({ detail: "it failed a moment ago" });
      }
      try {
        const vectors = await askAll({ world, model, servers }, texts, embedOptions);
        failures = 0;
        return vectors;
      } catch (error) {
        if (embedOptions.signal?.aborted === true) throw error;
        const pauseMs = Math.min(longestPauseMs, firstPauseMs * 2 ** failures);
        failures = Math.min(failures + 1, 10);
        outUntilMs = world.clock.monotonicMs() + pauseMs;
        throw Fault.is(error) ? error : articlesFaults.encoder_unavailable({ cause: error });
      }
    },
    close() {
      for (const { pool } of servers) pool.close();
    },
  };
}

interface Servers {
  readonly world: World;
  readonly model: string;
  readonly servers: readonly { readonly place: ServerPlace; readonly pool: ClientPool }[];
}

/** A batch that is refused is asked for one by one, and a text that is refused is cut in half. */
async function askAll(
  servers: Servers,
  texts: readonly string[],
  options: EmbedOptions,
): Promise<readonly (readonly number[] | undefined)[]> {
  const answer = await ask(servers, texts, options);
  if ("vectors" in answer) return answer.vectors;
  const [only] = texts;
  if (texts.length > 1) {
    const vectors: (readonly number[] | undefined)[] = [];
    for (const text of texts) vectors.push(...(await askAll(servers, [text], options)));
    return vectors;
  }
  if (only === undefined || only.length <= leastTextLength) return [undefined];
  return askAll(servers, [only.slice(0, only.length / 2).toWellFormed()], options);
}

async function ask(
  { world, model, servers }: Servers,
  texts: readonly string[],
  { timeoutMs, signal }: EmbedOptions,
): Promise<Answer> {
  let last: unknown = "there is no server";
  for (const { place, pool } of servers) {
    try {
      const body = JSON.stringify({ model, input: texts, encoding_format: "float" });
      const { status, text } = await postJson(world, { pool, place, body, timeoutMs, signal });
      if (status === 200) return { vectors: readVectors(text, texts.length) };
      if (status === 400 || status === 413) return { isRefused: true };
      last = `status ${status}: ${text.slice(0, 200)}`;
    } catch (error) {
      last = error;
    }
  }
  throw articlesFaults.encoder_unavailable({ detail: String(last) });
}

type Answer =
  | { readonly vectors: readonly (readonly number[])[] }
  /** The server is there and does not take these texts. */
  | { readonly isRefused: true };

function readVectors(text: string, count: number): readonly (readonly number[])[] {
  const { data } = JSON.parse(text) as { readonly data?: unknown };
  if (!Array.isArray(data) || data.length !== count) throw new Error("not a vector for each text");
  const vectors: (readonly number[])[] = [];
  for (const entry of data as readonly {
    readonly index?: unknown;
    readonly embedding?: unknown;
  }[]) {
    const { index, embedding } = entry;
    const isVector =
      Array.isArray(embedding) &&
      embedding.length > 0 &&
      embedding.every((value) => typeof value === "number" && Number.isFinite(value));
    if (!isVector) throw new Error("an embedding is no list of numbers");
    vectors[typeof index === "number" ? index : vectors.length] = embedding as readonly number[];
  }
  const width = vectors[0]?.length ?? 0;
  for (let index = 0; index < count; index += 1) {
    if (vectors[index]?.length !== width)
      throw new Error("vectors differ in width, or are missing");
  }
  return vectors;
}
