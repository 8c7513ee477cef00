import type { Key, RevokeKeyRequest } from "@tandem/contracts/rpc/auth/v1/auth_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { keyMessage } from "../messages.ts";
import { requireChangeable, requireSameOrganisation } from "../own-keys.ts";
import type { AuthParts } from "../parts.ts";
import { act } from "../store/action.ts";
import { lockKey, revokeKeys } from "../store/keys.ts";

/** Ends a key for good; refused everywhere within 100 ms. A second time changes nothing. */
export async function revokeKey(
  { database }: AuthParts,
  { organisationId, id }: RevokeKeyRequest,
  context: CallContext,
): Promise<MessageInit<Key>> {
  requireSameOrganisation(context, organisationId);
  return act(database, context, async (action) => {
    const { tx, now } = action;
    const key = requireChangeable(context, await lockKey(tx, organisationId, id));
    const isRevokedNow = (await revokeKeys(tx, [id], now)).length > 0;
    if (!isRevokedNow) return keyMessage(key, now.getTime());
    action.revoke({ keyId: id });
    action.audit({ organisationId, action: "key.revoked", target: id });
    const revoked = { ...key, revoked_at: now, version: key.version + 1n };
    return keyMessage(revoked, now.getTime());
  });
}
