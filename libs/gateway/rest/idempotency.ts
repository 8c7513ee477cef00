/**
 * `Idempotency-Key` on the management plane (draft-ietf-httpapi-idempotency-key-header-07, expired
 * in April 2026 and still the best there is). The same key with the same request gets the same
 * answer for 24 h; with another request 422; while the first is being carried out 409.
 *
 * The hot store is a cache and may lose any of this. That is why the key also goes on to the
 * service, which makes the effect exactly once in its own database; lost here is only the repeated
 * answer. Replies can hold secrets shown once, so they are sealed with a key that takes both the
 * platform's pepper and the client's own `Idempotency-Key` to derive: the store alone opens none.
 *
 * States of a record: absent → running (a lock of 2 s, renewed while it runs, so that a gateway
 * killed in the middle holds nobody up for longer) → done (24 h); running → absent when the request
 * was refused, so that it can be corrected and repeated.
 */
import { createCipheriv, createDecipheriv, createHmac, hkdfSync } from "node:crypto";
import { type HotStore, hotKey } from "../../store/hot/index.ts";
import type { World } from "../../world/index.ts";
import { restFaults } from "./rest-faults.ts";

export const idempotencyKeptMs = 24 * 3_600_000;
const lockMs = 2_000;
const renewMs = 600;
const keyPattern = /^[\x21-\x7e]{1,255}$/;

/** An answer as it can be given again. */
export interface StoredAnswer {
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
}

/** Which request a key stands for. Keys of different callers never meet. */
export interface IdempotentRequest {
  readonly key: string;
  readonly organisationId: string;
  readonly actor: string;
  readonly method: string;
  readonly target: string;
  /** The body in a form that does not depend on blanks or the order of keys. */
  readonly canonicalBody: string;
}

/** The right to carry a request out, and to say what came of it. */
export interface IdempotentRun {
  complete(answer: StoredAnswer): Promise<void>;
  /** Nothing took effect: the key may be used again at once. */
  abandon(): Promise<void>;
}

export type IdempotencyStore = Pick<HotStore, "get" | "set" | "setIfAbsent" | "deleteIfEqual">;

export interface Idempotency {
  /**
   * The earlier answer, or the right to produce it. Throws `rest.idempotency_key_reused`,
   * `rest.idempotency_key_in_progress`, or the store's fault when it cannot be reached.
   */
  begin(request: IdempotentRequest): Promise<StoredAnswer | IdempotentRun>;
}

interface Record {
  readonly fingerprint: string;
  /** Who is at it; absent when done. */
  readonly owner?: string;
  readonly sealed?: string;
}

export function checkIdempotencyKey(key: string): string {
  if (!keyPattern.test(key)) throw restFaults.idempotency_key_malformed();
  return key;
}

export function createIdempotency(options: {
  readonly store: IdempotencyStore;
  /** The platform's pepper; the same for all replicas of a gateway. */
  readonly secret: Uint8Array;
  readonly world: World;
}): Idempotency {
  const { store, secret, world } = options;
  return {
    async begin(request) {
      const place = placeOf(secret, request);
      const fingerprint = fingerprintOf(secret, request);
      const owner = Buffer.from(world.randomness.bytes(12)).toString("base64url");
      const running = JSON.stringify({ fingerprint, owner } satisfies Record);
      // Once more when a record disappears between the two looks.
      for (let look = 0; look < 2; look += 1) {
        if (await store.setIfAbsent(place, running, { ttlMs: lockMs })) {
          return runOf({
            store,
            place,
            running,
            fingerprint,
            sealKey: sealKeyOf(secret, request),
            world,
          });
        }
        const existing = await store.get(place);
        if (existing !== undefined) return recall(existing, { secret, request, fingerprint });
      }
      throw restFaults.idempotency_key_in_progress({ retryAfterMs: 1000 });
    },
  };
}

function recall(
  bytes: Buffer,
  given: {
    readonly secret: Uint8Array;
    readonly request: IdempotentRequest;
    readonly fingerprint: string;
  },
): StoredAnswer {
  const record = JSON.parse(bytes.toString()) as Record;
  if (record.fingerprint !== given.fingerprint) throw restFaults.idempotency_key_reused();
  if (record.sealed === undefined) {
    throw restFaults.idempotency_key_in_progress({ retryAfterMs: 1000 });
  }
  return JSON.parse(open(record.sealed, sealKeyOf(given.secret, given.request))) as StoredAnswer;
}

function runOf(given: {
  readonly store: IdempotencyStore;
  readonly place: string;
  readonly running: string;
  readonly fingerprint: string;
  readonly sealKey: Buffer;
  readonly world: World;
}): IdempotentRun {
  const { store, place, running, fingerprint, sealKey, world } = given;
  const renewing = world.timers.every(renewMs, () => {
    // Without the store the lock runs out, and the services see to it that the effect is one.
    store.set(place, running, { ttlMs: lockMs }).catch(() => undefined);
  });
  return {
    async complete(answer) {
      renewing.cancel();
      const nonce = world.randomness.bytes(12);
      const sealed = seal(JSON.stringify(answer), { key: sealKey, nonce });
      const done = JSON.stringify({ fingerprint, sealed } satisfies Record);
      await store.set(place, done, { ttlMs: idempotencyKeptMs });
    },
    async abandon() {
      renewing.cancel();
      await store.deleteIfEqual(place, running);
    },
  };
}

function mac(secret: Uint8Array, label: string, parts: readonly string[]): Buffer {
  return createHmac("sha256", secret)
    .update(JSON.stringify([label, ...parts]))
    .digest();
}

function placeOf(secret: Uint8Array, { organisationId, actor, key }: IdempotentRequest): string {
  const name = mac(secret, "idempotency place", [organisationId, actor, key]).toString("base64url");
  return hotKey(organisationId, "idempotency", name);
}

/** Keyed, since a body may hold a password, which a bare hash would give away to guessing. */
function fingerprintOf(secret: Uint8Array, request: IdempotentRequest): string {
  const { method, target, canonicalBody } = request;
  return mac(secret, "idempotent request", [method, target, canonicalBody]).toString("base64url");
}

function sealKeyOf(secret: Uint8Array, { key, organisationId, actor }: IdempotentRequest): Buffer {
  const info = `idempotency seal ${organisationId} ${actor}`;
  return Buffer.from(hkdfSync("sha256", secret, key, info, 32));
}

function seal(text: string, { key, nonce }: { key: Buffer; nonce: Uint8Array }): string {
  const cipher = createCipheriv("aes-256-gcm", key, nonce);
  const content = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), content]).toString("base64");
}

function open(sealed: string, key: Buffer): string {
  const bytes = Buffer.from(sealed, "base64");
  const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, 12));
  decipher.setAuthTag(bytes.subarray(12, 28));
  return Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]).toString("utf8");
}

/** The same text for bodies that mean the same: keys in order, no blanks. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1));
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonicalJson(item)}`).join(",")}}`;
}
