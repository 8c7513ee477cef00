import { createHash } from "node:crypto";
import { type HotStore, type HotSubscription, hotKey } from "@tandem/libs/store/hot";
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
  /** Only what `endAs` says ends it: it has one end, whoever races for another. */
  isFenced: z.boolean().default(false),
  /** How often somebody went on with it whose former maker was gone. */
  takeOvers: z.number().default(0),
});

export type StreamMeta = z.infer<typeof metaSchema>;

/** Of an answer that is about to be made. */
export function newStreamMeta(
  given: Pick<StreamMeta, "maker" | "requestId" | "fingerprint"> & Partial<StreamMeta>,
): StreamMeta {
  return {
    ...{ state: "running", kind: "body", status: 0, lines: "", handOver: "" },
    ...{ blocks: 0, beat: 0, isFenced: false, takeOvers: 0 },
    ...given,
  };
}

/** How a fenced answer ended, and how many blocks of it count. */
export interface Ended {
  readonly how: "whole" | "cut" | "canceled";
  readonly blocks: number;
}

export interface KnownAnswer extends StreamMeta {
  readonly ended?: Ended | undefined;
}

/** Stands where the maker's name would. */
export const canceledMaker = "canceled";

/** Where all replicas hear of answers that nobody wants any more. */
const canceledChannel = hotKey("answers", "canceled");
const placeSchema = z.object({ organisationId: z.string(), id: z.string() });

/** The last words of a fenced answer, apart from its blocks: they count once its end does. */
const endBlock = "end";

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

  async read(place: StreamPlace): Promise<KnownAnswer | undefined> {
    const [maker, how, blocks] = (await this.makerOf(place))?.split(" ") ?? [];
    if (maker === undefined) return undefined;
    const bytes = await this.#hotStore.get(keyOf(place, maker, "meta"));
    if (bytes === undefined) return undefined;
    const meta = metaSchema.parse(JSON.parse(bytes.toString()));
    if (how !== "whole" && how !== "cut" && how !== "canceled") return meta;
    return { ...meta, ended: { how, blocks: Number(blocks) } };
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
    const change = { former: former.maker, value: mine.maker };
    return this.#hotStore.replaceIfEqual(keyOf(place, "maker"), change, this.#life);
  }

  /** False when it ended otherwise, or is somebody else's by now. Nobody goes on with it then. */
  endAs(
    place: StreamPlace,
    { maker }: Pick<StreamMeta, "maker">,
    { how, blocks }: Ended,
  ): Promise<boolean> {
    const change = { former: maker, value: `${maker} ${how} ${blocks}` };
    return this.#hotStore.replaceIfEqual(keyOf(place, "maker"), change, this.#life);
  }

  putEnd(place: StreamPlace, { maker }: Pick<StreamMeta, "maker">, text: string): Promise<void> {
    return this.#hotStore.set(keyOf(place, maker, endBlock), text, this.#life);
  }

  async end(place: StreamPlace, { maker }: Pick<StreamMeta, "maker">): Promise<string | undefined> {
    return (await this.#hotStore.get(keyOf(place, maker, endBlock)))?.toString();
  }

  /** What whoever takes over asks again, for answers that nobody may come back for. */
  keepRequest(place: StreamPlace, sealed: Uint8Array): Promise<void> {
    return this.#hotStore.set(keyOf(place, "request"), sealed, this.#life);
  }

  request(place: StreamPlace): Promise<Buffer | undefined> {
    return this.#hotStore.get(keyOf(place, "request"));
  }

  async forgetRequest(place: StreamPlace): Promise<void> {
    await this.#hotStore.delete(keyOf(place, "request"));
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

  /** Unless it is somebody else's by now. */
  async forget(place: StreamPlace, { maker }: Pick<StreamMeta, "maker">): Promise<void> {
    await this.#hotStore.deleteIfEqual(keyOf(place, "maker"), maker);
  }

  /** Nobody wants it any more: who makes it stops, and who asks for it is told that it is gone. */
  async cancel(place: StreamPlace): Promise<void> {
    await this.#hotStore.set(keyOf(place, "maker"), canceledMaker, this.#life);
    await this.tellCanceled(place);
  }

  /** To whoever makes it. A message may be lost: then it is seen with the maker's next beat. */
  async tellCanceled(place: StreamPlace): Promise<void> {
    await this.#hotStore.publish(canceledChannel, JSON.stringify(place)).catch(() => undefined);
  }

  hearCanceled(run: (place: StreamPlace) => void): Promise<HotSubscription> {
    const onMessage = (message: Buffer): void => {
      const { success, data } = placeSchema.safeParse(JSON.parse(message.toString()));
      if (success) run(data);
    };
    return this.#hotStore.subscribe(canceledChannel, { onMessage, onGap: () => undefined });
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

/** Of a response in the background: its project's, as kept responses are. */
export function responsePlace(
  { organisationId, projectId }: { readonly organisationId: string; readonly projectId: string },
  responseId: string,
): StreamPlace {
  const id = createHash("sha256").update(`${projectId} ${responseId}`).digest("base64url");
  return { organisationId, id };
}
