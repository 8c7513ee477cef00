import { createHash } from "node:crypto";
import { type HotStore, hotKey } from "@tandem/libs/store";
import { z } from "zod";

/** Which answer is meant: its owner and the name the client gave it. */
export interface StreamPlace {
  readonly organisationId: string;
  readonly id: string;
}

const metaSchema = z.object({
  /** Of the request: the same name for another request is a mistake of the client's. */
  fingerprint: z.string(),
  state: z.enum(["running", "whole", "cut"]),
  /** Events come in blocks; a whole answer is one block. */
  kind: z.enum(["events", "body"]),
  /** 0 until the answer has begun. */
  status: z.number(),
  /** Field lines of the answer's head. */
  lines: z.string(),
  blocks: z.number(),
  /** Rises while whoever makes the answer is alive. */
  beat: z.number(),
});

export type StreamMeta = z.infer<typeof metaSchema>;

/** Answers that can be asked for again, as all replicas see them: a cache, for a time. */
export class StreamStore {
  readonly #hotStore: HotStore;
  readonly #life: { readonly ttlMs: number };

  constructor(hotStore: HotStore, options: { readonly ttlMs: number }) {
    this.#hotStore = hotStore;
    this.#life = options;
  }

  /** True for the one who is to make the answer. */
  claim(place: StreamPlace, meta: StreamMeta): Promise<boolean> {
    return this.#hotStore.setIfAbsent(keyOf(place, "meta"), JSON.stringify(meta), this.#life);
  }

  async read(place: StreamPlace): Promise<StreamMeta | undefined> {
    const bytes = await this.#hotStore.get(keyOf(place, "meta"));
    return bytes === undefined ? undefined : metaSchema.parse(JSON.parse(bytes.toString()));
  }

  update(place: StreamPlace, meta: StreamMeta): Promise<void> {
    return this.#hotStore.set(keyOf(place, "meta"), JSON.stringify(meta), this.#life);
  }

  /** Whoever finds a maker dead makes the answer anew, if nothing of it was told; one of them. */
  async takeOver(place: StreamPlace, meta: StreamMeta): Promise<boolean> {
    const key = keyOf(place, "meta");
    return (await this.#hotStore.deleteIfEqual(key, JSON.stringify(meta)))
      ? this.#hotStore.setIfAbsent(key, JSON.stringify({ ...meta, beat: 0 }), this.#life)
      : false;
  }

  putBlock(place: StreamPlace, index: number, text: string): Promise<void> {
    return this.#hotStore.set(keyOf(place, `b${index}`), text, this.#life);
  }

  async block(place: StreamPlace, index: number): Promise<string | undefined> {
    return (await this.#hotStore.get(keyOf(place, `b${index}`)))?.toString();
  }

  async forget(place: StreamPlace): Promise<void> {
    await this.#hotStore.delete(keyOf(place, "meta"));
  }

  /** The streams that a connection holds, by the client's names for them. */
  async keepSession(place: StreamPlace, streams: Readonly<Record<string, string>>): Promise<void> {
    await this.#hotStore.set(keyOf(place, "session"), JSON.stringify(streams), this.#life);
  }

  async session(place: StreamPlace): Promise<Readonly<Record<string, string>> | undefined> {
    const bytes = await this.#hotStore.get(keyOf(place, "session"));
    if (bytes === undefined) return undefined;
    return z.record(z.string(), z.string()).parse(JSON.parse(bytes.toString()));
  }
}

function keyOf({ organisationId, id }: StreamPlace, part: string): string {
  return hotKey(organisationId, "answer", id, part);
}

/** The same name means the same answer for one key only. */
export function placeOf(
  { organisationId, keyId }: { readonly organisationId: string; readonly keyId: string },
  name: string,
): StreamPlace {
  const id = createHash("sha256").update(`${keyId}\n${name}`).digest("base64url");
  return { organisationId, id };
}
