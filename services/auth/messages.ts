/** From the service's own words to the contract's, in one place. */
import type { Identity, Key } from "@tandem/contracts/rpc/auth/v1/auth_pb";
import type { MessageInit } from "@tandem/libs/rpc";
import { earlierEnd, keyState } from "./core/key-state.ts";
import { permissionsOf } from "./core/permissions.ts";
import type { KeyLookUp, ShownKey } from "./store/keys.ts";

/** Milliseconds since 1970 as the contract has them; 0 for never. */
export function stamp(date: Date | null): bigint {
  return date === null ? 0n : BigInt(date.getTime());
}

export function dateOf(ms: bigint): Date | null {
  return ms === 0n ? null : new Date(Number(ms));
}

export function keyMessage(key: ShownKey, nowMs: number): MessageInit<Key> {
  const times = {
    expiresAtMs: key.expires_at?.getTime(),
    revokedAtMs: key.revoked_at?.getTime(),
  };
  return {
    id: key.id,
    organisationId: key.organisation_id,
    projectId: key.project_id,
    userId: key.user_id,
    name: key.name,
    display: key.display,
    scopes: [...key.scopes],
    allowedModels: [...key.allowed_models],
    allowedEndpoints: [...key.allowed_endpoints],
    allowedAddresses: [...key.allowed_addresses],
    priority: key.priority,
    createdAtMs: stamp(key.created_at),
    expiresAtMs: stamp(key.expires_at),
    revokedAtMs: stamp(key.revoked_at),
    lastUsedAtMs: stamp(key.last_used_at),
    state: keyState(times, nowMs),
    version: key.version,
  };
}

/** The identity ends with the key or with the secret it came by, whichever ends first. */
export function keyIdentity(
  { key, roles, secretExpiresAt }: NonNullable<KeyLookUp["found"]>,
  sequence: bigint,
): MessageInit<Identity> {
  const end = earlierEnd(key.expires_at?.getTime(), secretExpiresAt?.getTime());
  const authority = { keyId: key.id, userId: key.user_id, scopes: key.scopes, roles };
  return {
    keyId: key.id,
    userId: key.user_id,
    organisationId: key.organisation_id,
    projectId: key.project_id,
    scopes: [...key.scopes],
    roles: [...roles],
    allowedModels: [...key.allowed_models],
    allowedEndpoints: [...key.allowed_endpoints],
    allowedAddresses: [...key.allowed_addresses],
    priority: key.priority,
    expiresAtMs: end === undefined ? 0n : BigInt(end),
    name: key.name,
    permissions: [...permissionsOf(authority)],
    sequence,
  };
}

export function sessionIdentity(session: {
  readonly id: string;
  readonly userId: string;
  readonly organisationId: string;
  readonly roles: readonly string[];
  readonly endsAtMs: number;
  readonly sequence: bigint;
}): MessageInit<Identity> {
  const authority = { keyId: "", userId: session.userId, scopes: [], roles: session.roles };
  return {
    sessionId: session.id,
    userId: session.userId,
    organisationId: session.organisationId,
    roles: [...session.roles],
    expiresAtMs: BigInt(session.endsAtMs),
    permissions: [...permissionsOf(authority)],
    sequence: session.sequence,
  };
}
