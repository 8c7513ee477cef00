import type { CallerIdentity } from "@tandem/libs/gateway";
import { type HotStore, hotKey } from "@tandem/libs/store";
import { z } from "zod";

const recordSchema = z.object({
  /** The response as it was told, as JSON. */
  responseJson: z.string(),
  /** The request's input as items. */
  items: z.array(z.unknown()),
  /** Canonical messages of everything that was said, the answer included; no instructions. */
  messageJsons: z.array(z.string()),
});

export type KeptResponse = z.infer<typeof recordSchema>;

const bytesMax = 4 * 1024 * 1024;

/**
 * Responses that can be read again and gone on from, for a time. A project's own: its keys see each
 * other's, and nobody else's is known to exist.
 */
export class ResponseStore {
  readonly #hotStore: HotStore;
  readonly #life: { readonly ttlMs: number };

  constructor(hotStore: HotStore, life: { readonly ttlMs: number }) {
    this.#hotStore = hotStore;
    this.#life = life;
  }

  /** False for what is too large to be kept. */
  async keep(identity: CallerIdentity, id: string, kept: KeptResponse): Promise<boolean> {
    const text = JSON.stringify(kept);
    if (text.length > bytesMax) return false;
    await this.#hotStore.set(keyOf(identity, id), text, this.#life);
    return true;
  }

  async find(identity: CallerIdentity, id: string): Promise<KeptResponse | undefined> {
    if (!wellFormed.test(id)) return undefined;
    const bytes = await this.#hotStore.get(keyOf(identity, id));
    return bytes === undefined ? undefined : recordSchema.parse(JSON.parse(bytes.toString()));
  }

  /** True when there was one. */
  async forget(identity: CallerIdentity, id: string): Promise<boolean> {
    return wellFormed.test(id) && this.#hotStore.delete(keyOf(identity, id));
  }
}

const wellFormed = /^resp_[0-9a-z]{26}$/;

function keyOf({ claims }: CallerIdentity, id: string): string {
  return hotKey(claims.organisationId, "response", claims.projectId, id);
}
