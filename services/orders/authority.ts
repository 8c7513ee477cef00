/** Tenant and permission checks, made anew in every operation from the signed passport. */
import type { CallContext } from "@tandem/libs/rpc";
import { allows, type Permission, type PlatformPermission } from "./core/permission.ts";
import { ordersFaults } from "./faults.ts";

type Call = Pick<CallContext, "passport">;

/** True for a call that a part of the platform makes for itself. */
export function isPlatform({ passport }: Call): boolean {
  return passport.organisationId === "";
}

/** Another organisation does not exist: throws what `hidden` makes. */
export function requireMember(call: Call, organisationId: string, hidden: () => Error): void {
  const isOwn = organisationId !== "" && call.passport.organisationId === organisationId;
  if (!isPlatform(call) && !isOwn) throw hidden();
}

/** As `requireMember`; throws `orders.permission_missing` for those who may not do it. */
export function requirePermission(
  call: Call,
  organisationId: string,
  { permission, hidden }: { readonly permission: Permission; readonly hidden: () => Error },
): void {
  requireMember(call, organisationId, hidden);
  if (!isPlatform(call) && !allows(call.passport, permission)) {
    throw ordersFaults.permission_missing({ detail: `needs ${permission}` });
  }
}

/**
 * Whose authority reaches every organisation. Throws `orders.permission_missing` unless the
 * platform itself calls, or somebody with this permission of the platform.
 */
export function requirePlatformPermission(call: Call, permission: PlatformPermission): void {
  if (isPlatform(call) || allows(call.passport, permission)) return;
  throw ordersFaults.permission_missing({ detail: `needs ${permission}` });
}

/** Throws `orders.permission_missing` unless a part of the platform calls for itself. */
export function requirePlatform(call: Call): void {
  if (!isPlatform(call)) throw ordersFaults.permission_missing({ detail: "platform only" });
}
