/**
 * The services' own look at who is calling: gateways check first, and nothing here
 * trusts that they did. An organisation that is not the caller's does not exist for it.
 */
import type { CallContext } from "@tandem/libs/rpc";
import { type Permission, permissionsOf } from "./core/permissions.ts";
import { authFaults } from "./faults.ts";

type Call = Pick<CallContext, "passport">;

/** True for a call that a part of the platform makes for itself. */
export function isPlatform({ passport }: Call): boolean {
  return passport.organisationId === "";
}

export function requirePlatform(call: Call): void {
  if (!isPlatform(call)) throw authFaults.platform_only({ detail: call.passport.issuer });
}

/** What the caller may do; undefined for the platform, which may do everything. */
export function authorityOf(call: Call): ReadonlySet<Permission> | undefined {
  return isPlatform(call) ? undefined : permissionsOf(call.passport);
}

export function may(call: Call, permission: Permission): boolean {
  return authorityOf(call)?.has(permission) ?? true;
}

/** Throws `hidden` for another organisation, `auth.permission_missing` without the permission. */
export function requirePermission(
  call: Call,
  given: {
    readonly organisationId: string;
    readonly permission: Permission;
    readonly hidden?: () => Error;
  },
): void {
  const { organisationId, permission, hidden = authFaults.permission_missing } = given;
  if (isPlatform(call)) return;
  if (call.passport.organisationId !== organisationId) throw hidden();
  if (!may(call, permission)) throw authFaults.permission_missing({ detail: permission });
}
