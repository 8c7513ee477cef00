import type { VerifyKeyRequest, VerifyKeyResponse } from "@tandem/contracts/rpc/auth/v1/auth_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { transaction } from "@tandem/libs/store";
import { requirePlatform } from "../authority.ts";
import { keyState } from "../core/key-state.ts";
import { keyIdentity } from "../messages.ts";
import type { AuthParts } from "../parts.ts";
import { type KeyLookUp, lookUpSecret, markFirstUse } from "../store/keys.ts";
import { completeSetup } from "../store/setup.ts";

const hashBytes = 32;

/** Who is behind a key's hash. Refusals are answers; only an outage is an error. */
export async function verifyKey(
  parts: AuthParts,
  { secretHash }: VerifyKeyRequest,
  context: CallContext,
): Promise<MessageInit<VerifyKeyResponse>> {
  requirePlatform(context);
  const { database, uses } = parts;
  const nowMs = database.world.clock.nowMs();
  let { found, sequence } = await lookUpSecret(database, secretHash);
  if (found?.secretFirstUsedAt === null && refusalOf(found, nowMs) === "") {
    // The first use proves that the secret has arrived. It can lose against its replacement.
    await markFirst(parts, { hash: secretHash, keyId: found.key.id });
    ({ found, sequence } = await lookUpSecret(database, secretHash));
  }
  if (found === undefined || secretHash.length !== hashBytes) {
    return { refusal: "unknown", sequence };
  }
  const refusal = refusalOf(found, nowMs);
  if (refusal !== "") return { refusal, sequence };
  uses.note(found.key.id, nowMs);
  return { identity: keyIdentity(found, sequence), refusal, sequence };
}

function refusalOf(found: NonNullable<KeyLookUp["found"]>, nowMs: number): string {
  const { key, secretExpiresAt } = found;
  const times = {
    expiresAtMs: key.expires_at?.getTime(),
    revokedAtMs: key.revoked_at?.getTime(),
  };
  const state = keyState(times, nowMs);
  if (state !== "active") return state;
  return secretExpiresAt !== null && secretExpiresAt.getTime() <= nowMs ? "expired" : "";
}

async function markFirst(
  { database }: AuthParts,
  { hash, keyId }: { readonly hash: Uint8Array; readonly keyId: string },
): Promise<void> {
  await transaction(database, async (tx) => {
    const now = new Date(database.world.clock.nowMs());
    if (await markFirstUse(tx, hash, now)) await completeSetup(tx, { keyId, now });
  });
}
