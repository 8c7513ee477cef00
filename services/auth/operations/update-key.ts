import type { Key, UpdateKeyRequest } from "@tandem/contracts/rpc/auth/v1/auth_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { authFaults } from "../faults.ts";
import { dateOf, keyMessage } from "../messages.ts";
import { requireChangeable, requireSameOrganisation } from "../own-keys.ts";
import type { AuthParts } from "../parts.ts";
import { act } from "../store/action.ts";
import { lockKey, type ShownKey } from "../store/keys.ts";
import { auditOfKey, checkKeyFields, checkMayBeCritical, checkReach } from "./create-key.ts";

/** Changes what a key is called and may do. Gateways hear of it like of a revocation. */
export async function updateKey(
  { database }: AuthParts,
  { key: wanted, expectedVersion }: UpdateKeyRequest,
  context: CallContext,
): Promise<MessageInit<Key>> {
  if (wanted === undefined) throw authFaults.key_malformed();
  requireSameOrganisation(context, wanted.organisationId);
  return act(database, context, async (action) => {
    const found = await lockKey(action.tx, wanted.organisationId, wanted.id);
    const key = requireChangeable(context, found);
    checkKeyFields(wanted);
    // A key that exceeds its changer already may keep its scopes, but gets none of them anew.
    checkReach(
      context,
      wanted.scopes.filter((scope) => !key.scopes.includes(scope)),
    );
    const isRaised = wanted.priority === "critical" && key.priority !== "critical";
    if (isRaised) checkMayBeCritical(context);
    if (expectedVersion !== 0n && expectedVersion !== key.version) {
      throw authFaults.version_mismatch();
    }
    if (key.revoked_at !== null) throw authFaults.key_not_active();
    const changes = {
      name: wanted.name,
      scopes: wanted.scopes,
      allowed_models: wanted.allowedModels,
      allowed_endpoints: wanted.allowedEndpoints,
      allowed_addresses: wanted.allowedAddresses,
      priority: wanted.priority || key.priority,
      expires_at: dateOf(wanted.expiresAtMs),
      version: key.version + 1n,
    };
    await action.tx.updateTable("keys").set(changes).where("id", "=", key.id).execute();
    const changed: ShownKey = { ...key, ...changes };
    action.revoke({ keyId: key.id });
    action.audit({
      organisationId: key.organisation_id,
      action: "key.updated",
      target: key.id,
      before: auditOfKey(key),
      after: auditOfKey(changed),
    });
    return keyMessage(changed, action.now.getTime());
  });
}
