/** Secrets of keys: made here, given out once, and kept only as their HMAC. */
import { formApiKey, hashApiKey } from "@tandem/libs/gateway";
import type { Transaction } from "@tandem/libs/store";
import { displayOf } from "./core/key-state.ts";
import type { AuthParts } from "./parts.ts";
import { deleteSecret, insertSecret, liveSecrets } from "./store/keys.ts";
import type { Schema } from "./store/schema.ts";

export interface NewSecret {
  readonly keyId: string;
  readonly now: Date;
  /** Of the request it answers; the same one again finds it. */
  readonly idempotencyKey: string;
}

/** A new secret for a key; the text exists nowhere else. */
export async function mintSecret(
  { pepper, config, database }: AuthParts,
  tx: Transaction<Schema>,
  { keyId, now, idempotencyKey }: NewSecret,
): Promise<string> {
  const secret = formApiKey(config.keyEnvironment, (length) =>
    database.world.randomness.bytes(length),
  );
  await insertSecret(tx, {
    hash: Buffer.from(hashApiKey(secret, pepper)),
    key_id: keyId,
    display: displayOf(secret),
    created_at: now,
    expires_at: null,
    first_used_at: null,
    idempotency_key: idempotencyKey || null,
  });
  return secret;
}

/**
 * The answer to a repeated request whose first answer may have been lost: as long as the newest
 * secret was never used, another one takes its place; afterwards it has arrived, and the answer
 * is empty. The key must be locked.
 */
export async function mintAgain(
  parts: AuthParts,
  tx: Transaction<Schema>,
  request: NewSecret,
): Promise<string> {
  const [newest] = await liveSecrets(tx, request.keyId, request.now);
  if (newest === undefined || newest.first_used_at !== null) return "";
  await deleteSecret(tx, newest.hash);
  return mintSecret(parts, tx, request);
}
