import { createHash } from "node:crypto";
import { type HotStore, hotKey } from "@tandem/libs/store";
import { z } from "zod";

/** Which answer is meant: its owner and the name the client gave it. */
export interface StreamPlace {
  readonly organisationId: string;
  readonly id: string;
}

const metaSchema = z.object({
  /** Who makes it: every maker keeps what it says apart, so that none spoils another one's. */
  maker: z.string(),
  /** Under which it is settled, whoever completes it. */
  requestId: z.string(),
  /** Of the request: the same name for another request is a mistake of the client's. */
  fingerprint: z.string(),
  /** `left`: whoever made it ends, and somebody else may go on with it at once. */
  state: z.enum(["running", "whole", "cut", "left"]),
  /** Events come in blocks; a whole answer is one block. */
  kind: z.enum(["events", "body"]),
  /** 0 until the answer has begun. */
  status: z.number(),
  /** Field lines of the answer's head. */
  lines: z.string(),
  /** With which another replica goes on with it (ADR 202); empty for none. */
  handOver: z.string(),
  blocks: z.number(),
  /** Rises while whoever makes the answer is alive. */
  beat: z.number(),
});

export type StreamMeta = z.infer<typeof metaSchema>;

/** Stands where the maker's name would. */
export const canceledMaker = "canceled";

/** Answers that can be asked for again, as all replicas see them: a cache, for a time. */
export class StreamStore {
  readonly #hotStore: HotStore;
  readonly #life: { readonly ttlMs: number };

  constructor(hotStore: HotStore, options: { readonly ttlMs: number }) {
    this.#hotStore = hotStore;
    this.#life = options;
  }

  /** True for the one who is to make the answer. */
  async claim(place: StreamPlace, meta: StreamMeta): Promise<boolean> {
    await this.update(place, meta);
    return this.#hotStore.setIfAbsent(keyOf(place, "maker"), meta.maker, this.#life);
  }

  /** Who makes the answer; `canceled` when nobody shall, undefined when nothing is known of it. */
  async makerOf(place: StreamPlace): Promise<string | undefined> {
    return (await this.#hotStore.get(keyOf(place, "maker")))?.toString();
  }

  async read(place: StreamPlace): Promise<StreamMeta | undefined> {
    const maker = await this.makerOf(place);
    if (maker === undefined) return undefined;
    const bytes = await this.#hotStore.get(keyOf(place, maker, "meta"));
    return bytes === undefined ? undefined : metaSchema.parse(JSON.parse(bytes.toString()));
  }

  update(place: StreamPlace, meta: StreamMeta): Promise<void> {
    return this.#hotStore.set(keyOf(place, meta.maker, "meta"), JSON.stringify(meta), this.#life);
  }

  /**
   * Whoever finds a maker gone takes its place, with what there is of the answer; one of them. The
   * former one, should it be alive, sees that it is not the maker any more.
   */
  async takeOver(
    place: StreamPlace,
    given: { readonly former: StreamMeta; readonly mine: StreamMeta; readonly text: string },
  ): Promise<boolean> {
    const { former, mine, text } = given;
    if (mine.blocks > 0) await this.putBlock(place, mine, { index: 0, text });
    await this.update(place, mine);
    const key = keyOf(place, "maker");
    return (await this.#hotStore.deleteIfEqual(key, former.maker))
      ? this.#hotStore.setIfAbsent(key, mine.maker, this.#life)
      : false;
  }

  putBlock(
    place: StreamPlace,
    { maker }: Pick<StreamMeta, "maker">,
    { index, text }: { readonly index: number; readonly text: string },
  ): Promise<void> {
    return this.#hotStore.set(keyOf(place, maker, `b${index}`), text, this.#life);
  }

  async block(
    place: StreamPlace,
    { maker }: Pick<StreamMeta, "maker">,
    index: number,
  ): Promise<string | undefined> {
    return (await this.#hotStore.get(keyOf(place, maker, `b${index}`)))?.toString();
  }

  async forget(place: StreamPlace): Promise<void> {
    await this.#hotStore.delete(keyOf(place, "maker"));
  }

  /** Nobody wants it any more: who makes it stops, and who asks for it is told that it is gone. */
  async cancel(place: StreamPlace): Promise<void> {
    await this.#hotStore.set(keyOf(place, "maker"), canceledMaker, this.#life);
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

function keyOf({ organisationId, id }: StreamPlace, ...parts: readonly string[]): string {
  return hotKey(organisationId, "answer", id, ...parts);
}

/** The same name means the same answer for one key only. */
export function placeOf(
  { organisationId, keyId }: { readonly organisationId: string; readonly keyId: string },
  name: string,
): StreamPlace {
  const id = createHash("sha256").update(`${keyId}\n${name}`).digest("base64url");
  return { organisationId, id };
}
