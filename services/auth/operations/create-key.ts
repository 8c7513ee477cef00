import type { CreateKeyRequest, CreateKeyResponse } from "@tandem/contracts/rpc/auth/v1/auth_pb";
import { parseAddressRule } from "@tandem/libs/gateway";
import { priorityDefault, priorityName } from "@tandem/libs/kernel";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { isConflict } from "@tandem/libs/store";
import { newId } from "@tandem/libs/world";
import { authorityOf, may, requirePermission } from "../authority.ts";
import { type KeyFields, problemOfKey } from "../core/key-fields.ts";
import { displayOf } from "../core/key-state.ts";
import { permissionsBeyond } from "../core/permissions.ts";
import { authFaults } from "../faults.ts";
import { mintAgain, mintSecret } from "../key-secrets.ts";
import { dateOf, keyMessage } from "../messages.ts";
import type { AuthParts } from "../parts.ts";
import { type Action, act } from "../store/action.ts";
import { insertKey, type KeyRow, lockKeyByIdempotencyKey } from "../store/keys.ts";

/** Makes a key. Its secret is in the answer and nowhere else. */
export async function createKey(
  parts: AuthParts,
  request: CreateKeyRequest,
  context: CallContext,
): Promise<MessageInit<CreateKeyResponse>> {
  const isOwn = request.userId !== "" && request.userId === context.passport.userId;
  const permission = isOwn && !may(context, "keys:write") ? "keys:own" : "keys:write";
  requirePermission(context, { organisationId: request.organisationId, permission });
  checkKeyFields(request);
  checkReach(context, request.scopes);
  if (request.priority === "critical") checkMayBeCritical(context);
  const create = (): Promise<MessageInit<CreateKeyResponse>> =>
    act(parts.database, context, (action) => createOnce(parts, action, request));
  try {
    return await create();
  } catch (error) {
    // The same request at the same moment was first: its key is there now.
    if (isConflict(error, "keys_organisation_id_idempotency_key_key")) return create();
    throw error;
  }
}

async function createOnce(
  parts: AuthParts,
  action: Action,
  request: CreateKeyRequest,
): Promise<MessageInit<CreateKeyResponse>> {
  const { tx, now } = action;
  const { organisationId, idempotencyKey } = request;
  if (idempotencyKey !== "") {
    const existing = await lockKeyByIdempotencyKey(tx, organisationId, idempotencyKey);
    if (existing !== undefined) {
      const again = { keyId: existing.id, now, idempotencyKey };
      const secret = await mintAgain(parts, tx, again);
      const display = secret === "" ? existing.display : displayOf(secret);
      return { key: keyMessage({ ...existing, display }, now.getTime()), secret };
    }
  }
  const key = newKey(parts, request, now);
  await insertKey(tx, key);
  const secret = await mintSecret(parts, tx, { keyId: key.id, now, idempotencyKey });
  action.audit({
    organisationId,
    action: "key.created",
    target: key.id,
    after: auditOfKey(key),
  });
  return { key: keyMessage({ ...key, display: displayOf(secret) }, now.getTime()), secret };
}

function newKey({ database }: AuthParts, request: CreateKeyRequest, now: Date): KeyRow {
  const expiresAt = dateOf(request.expiresAtMs);
  if (expiresAt !== null && expiresAt <= now) {
    throw authFaults.key_malformed({ publicMessage: "A key must expire in the future." });
  }
  return {
    id: newId(database.world, "key"),
    organisation_id: request.organisationId,
    project_id: request.projectId,
    user_id: request.userId,
    name: request.name,
    scopes: request.scopes,
    allowed_models: request.allowedModels,
    allowed_endpoints: request.allowedEndpoints,
    allowed_addresses: request.allowedAddresses,
    priority: request.priority || priorityName(priorityDefault),
    created_at: now,
    expires_at: expiresAt,
    revoked_at: null,
    last_used_at: null,
    version: 1n,
    idempotency_key: request.idempotencyKey || null,
  };
}

/** Throws `auth.key_malformed` with what is wrong. */
export function checkKeyFields(fields: KeyFields): void {
  const problem = problemOfKey(fields, (text) => parseAddressRule(text) !== undefined);
  if (problem !== undefined) throw authFaults.key_malformed({ publicMessage: problem });
}

/** Nobody makes a key that may do more than its maker: throws `auth.key_scope_beyond`. */
export function checkReach(context: CallContext, scopes: readonly string[]): void {
  const authority = authorityOf(context);
  const beyond = authority === undefined ? [] : permissionsBeyond(authority, scopes);
  if (beyond.length > 0) throw authFaults.key_scope_beyond({ detail: beyond.join(", ") });
}

/**
 * What is critical takes room from everybody's requests, so the platform gives it and no
 * organisation takes it: throws `auth.key_priority_beyond`.
 */
export function checkMayBeCritical(context: CallContext): void {
  if (!may(context, "allowances:write")) throw authFaults.key_priority_beyond();
}

/** What the audit log keeps of a key; never a secret or its hash. */
export function auditOfKey(key: KeyRow): Record<string, unknown> {
  return {
    name: key.name,
    project_id: key.project_id,
    user_id: key.user_id,
    scopes: key.scopes,
    allowed_models: key.allowed_models,
    allowed_endpoints: key.allowed_endpoints,
    allowed_addresses: key.allowed_addresses,
    priority: key.priority,
    expires_at: key.expires_at?.toISOString() ?? null,
  };
}
