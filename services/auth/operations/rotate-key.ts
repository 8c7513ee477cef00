import type { CreateKeyResponse, RotateKeyRequest } from "@tandem/contracts/rpc/auth/v1/auth_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { displayOf, earlierEnd, keyState, overlapMsMax } from "../core/key-state.ts";
import { authFaults } from "../faults.ts";
import { mintAgain, mintSecret } from "../key-secrets.ts";
import { keyMessage } from "../messages.ts";
import { requireChangeable, requireSameOrganisation } from "../own-keys.ts";
import type { AuthParts } from "../parts.ts";
import { type Action, act } from "../store/action.ts";
import { endSecret, liveSecrets, lockKey } from "../store/keys.ts";
import { checkReach } from "./create-key.ts";

/**
 * Gives a key a second secret; the one before works on for the overlap, and any older one ends
 * now: two live secrets at most.
 */
export async function rotateKey(
  parts: AuthParts,
  request: RotateKeyRequest,
  context: CallContext,
): Promise<MessageInit<CreateKeyResponse>> {
  const { organisationId, id, overlapMs, idempotencyKey } = request;
  requireSameOrganisation(context, organisationId);
  if (overlapMs > overlapMsMax) {
    throw authFaults.key_malformed({ publicMessage: "Two secrets overlap by at most a day." });
  }
  return act(parts.database, context, async (action) => {
    const { tx, now } = action;
    const key = requireChangeable(context, await lockKey(tx, organisationId, id));
    const times = {
      expiresAtMs: key.expires_at?.getTime(),
      revokedAtMs: key.revoked_at?.getTime(),
    };
    if (keyState(times, now.getTime()) !== "active") throw authFaults.key_not_active();
    // Whoever rotates a key holds its secret: it must not be one that may do more than they.
    checkReach(context, key.scopes);
    const [newest] = await liveSecrets(tx, id, now);
    const isRepeated = idempotencyKey !== "" && newest?.idempotency_key === idempotencyKey;
    if (!isRepeated) await retireSecrets(action, id, overlapMs);
    const mint = isRepeated ? mintAgain : mintSecret;
    const secret = await mint(parts, tx, { keyId: id, now, idempotencyKey });
    action.revoke({ keyId: id });
    action.audit({
      organisationId,
      action: "key.rotated",
      target: id,
      after: { overlap_ms: overlapMs },
    });
    const display = secret === "" ? key.display : displayOf(secret);
    return { key: keyMessage({ ...key, display }, now.getTime()), secret };
  });
}

async function retireSecrets({ tx, now }: Action, keyId: string, overlapMs: number): Promise<void> {
  const [newest, ...older] = await liveSecrets(tx, keyId, now);
  for (const { hash } of older) await endSecret(tx, hash, now);
  if (newest === undefined) return;
  const end = earlierEnd(newest.expires_at?.getTime(), now.getTime() + overlapMs);
  await endSecret(tx, newest.hash, new Date(end ?? now));
}
