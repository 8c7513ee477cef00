import type { CallerIdentity } from "@tandem/libs/gateway";
import { type HotStore, hotKey } from "@tandem/libs/store/hot";
import { z } from "zod";
import { responsePlace, StreamStore } from "../resume/stream-store.ts";

const recordSchema = z.object({
  /** The response as it was told, as JSON. */
  responseJson: z.string(),
  /** The request's input as items. */
  items: z.array(z.unknown()),
  /** Canonical messages of everything that was said, the answer included; no instructions. */
  messageJsons: z.array(z.string()),
  /** Of the background: its request only, until it is complete. */
  isOpen: z.boolean().default(false),
});

export type KeptResponse = z.infer<typeof recordSchema>;
export type ResponseRecord = z.input<typeof recordSchema>;

const bytesMax = 4 * 1024 * 1024;

/**
 * Responses that can be read again and gone on from, for a time. A project's own: its keys see each
 * other's, and nobody else's is known to exist.
 */
export class ResponseStore {
  readonly #hotStore: HotStore;
  readonly #life: { readonly ttlMs: number };
  /** Answers in the background, from which their responses are told. */
  readonly answers: StreamStore;

  constructor(hotStore: HotStore, life: { readonly ttlMs: number }) {
    this.#hotStore = hotStore;
    this.#life = life;
    this.answers = new StreamStore(hotStore, life);
  }

  /**
   * False for what is too large to be kept. `maker`: who made it in the background; its record
   * counts once it is the one whose end was fenced.
   */
  async keep(
    identity: CallerIdentity,
    id: string,
    { record, maker }: { readonly record: ResponseRecord; readonly maker?: string | undefined },
  ): Promise<boolean> {
    const text = JSON.stringify(record);
    if (text.length > bytesMax) return false;
    await this.#hotStore.set(keyOf(identity, id, maker), text, this.#life);
    return true;
  }

  async find(identity: CallerIdentity, id: string): Promise<KeptResponse | undefined> {
    if (!wellFormed.test(id)) return undefined;
    const kept = await this.#read(keyOf(identity, id));
    if (kept?.isOpen !== true) return kept;
    const meta = await this.answers.read(responsePlace(identity.claims, id));
    if (meta?.ended?.how !== "whole") return kept;
    return (await this.#read(keyOf(identity, id, meta.maker))) ?? kept;
  }

  async #read(key: string): Promise<KeptResponse | undefined> {
    const bytes = await this.#hotStore.get(key);
    return bytes === undefined ? undefined : recordSchema.parse(JSON.parse(bytes.toString()));
  }

  /** True when there was one. */
  async forget(identity: CallerIdentity, id: string): Promise<boolean> {
    return wellFormed.test(id) && this.#hotStore.delete(keyOf(identity, id));
  }
}

const wellFormed = /^resp_[0-9a-z]{26}$/;

export function isResponseId(id: string): boolean {
  return wellFormed.test(id);
}

function keyOf({ claims }: CallerIdentity, id: string, maker?: string): string {
  const own = maker === undefined ? [] : [maker];
  return hotKey(claims.organisationId, "response", claims.projectId, id, ...own);
}
