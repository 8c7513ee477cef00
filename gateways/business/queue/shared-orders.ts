/**
 * Queued orders as all replicas of this gateway can show them: the journal is one replica's alone,
 * and a client asks any of them. A cache: what is lost here is still in the journal. Sealed, since
 * an order's note and its buyer are nobody else's business.
 */
import { createCipheriv, createDecipheriv, hkdfSync } from "node:crypto";
import { type HotStore, hotKey } from "@tandem/libs/store/hot";
import type { World } from "@tandem/libs/world";
import { type QueuedOrder, queuedOrder } from "./queued-order.ts";

const keptMs = 7 * 24 * 3_600_000;

export interface SharedOrders {
  put(order: QueuedOrder): Promise<void>;
  find(place: {
    readonly organisationId: string;
    readonly id: string;
  }): Promise<QueuedOrder | undefined>;
  remove(order: QueuedOrder): Promise<void>;
}

export function createSharedOrders(options: {
  readonly store: Pick<HotStore, "get" | "set" | "delete">;
  readonly secret: Uint8Array;
  readonly world: World;
}): SharedOrders {
  const { store, secret, world } = options;
  const key = Buffer.from(hkdfSync("sha256", secret, "", "queued orders", 32));
  const placeOf = (place: { readonly organisationId: string; readonly id: string }): string =>
    hotKey(place.organisationId, "queued-order", place.id);
  return {
    async put(order) {
      const place = placeOf(order);
      const nonce = world.randomness.bytes(12);
      const cipher = createCipheriv("aes-256-gcm", key, nonce).setAAD(Buffer.from(place));
      const content = Buffer.concat([cipher.update(JSON.stringify(order), "utf8"), cipher.final()]);
      const sealed = Buffer.concat([nonce, cipher.getAuthTag(), content]);
      await store.set(place, sealed, { ttlMs: keptMs }).catch(() => undefined);
    },
    async find(given) {
      const place = placeOf(given);
      try {
        const sealed = await store.get(place);
        if (sealed === undefined) return undefined;
        const decipher = createDecipheriv("aes-256-gcm", key, sealed.subarray(0, 12))
          .setAAD(Buffer.from(place))
          .setAuthTag(sealed.subarray(12, 28));
        const text = Buffer.concat([decipher.update(sealed.subarray(28)), decipher.final()]);
        return queuedOrder.parse(JSON.parse(text.toString("utf8")));
      } catch {
        return undefined;
      }
    },
    async remove(order) {
      await store.delete(placeOf(order)).catch(() => undefined);
    },
  };
}
