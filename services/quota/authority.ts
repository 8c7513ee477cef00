/**
 * Who may do what here. Gateways check first; nothing here trusts that they did. A part of the
 * platform that calls for itself may do everything; a caller acts in its own organisation only, and
 * another one does not exist for it.
 */
import type { CallContext, Passport } from "@tandem/libs/rpc";
import type { Setter } from "./core/subject.ts";
import { faults } from "./faults.ts";

type Call = Pick<CallContext, "passport">;

/** What somebody may do to the quotas of its organisation; anybody in it may read its balance. */
export type Permission = "ledger:read" | "limits:read" | "limits:write";

/** What somebody of the platform may do to the quotas of every organisation. */
export type PlatformPermission =
  | "organisations:read"
  | "allowances:write"
  | "credits:write"
  | "ledger:verify"
  | "events:replay";

type Table = Readonly<Record<string, readonly (Permission | PlatformPermission)[]>>;

const wholePlatform: readonly PlatformPermission[] = [
  "organisations:read",
  "allowances:write",
  "credits:write",
  "ledger:verify",
  "events:replay",
];

const byRole: Table = {
  owner: ["ledger:read", "limits:read", "limits:write"],
  admin: ["ledger:read", "limits:read", "limits:write"],
  finance: ["ledger:read", "limits:read", "limits:write"],
  operator: ["limits:read", "limits:write"],
  developer: ["limits:read"],
  viewer: ["limits:read"],
  "platform:owner": wholePlatform,
  "platform:operator": ["organisations:read", "allowances:write", "events:replay"],
  "platform:finance": ["organisations:read", "credits:write"],
};

const byScope: Table = {
  "manage:read": ["ledger:read", "limits:read"],
  "manage:write": ["ledger:read", "limits:read", "limits:write"],
  admin: ["ledger:read", "limits:read", "limits:write"],
  platform: wholePlatform,
};

function isPlatform({ passport }: Call): boolean {
  return passport.organisationId === "";
}

/** Throws `quota.forbidden` unless a part of the platform calls for itself. */
export function requirePlatform(call: Call): void {
  if (!isPlatform(call)) throw faults.forbidden({ detail: "only the platform itself may" });
}

/**
 * Whose authority reaches every organisation. Throws `quota.forbidden` unless the platform itself
 * calls, or somebody with this permission of the platform.
 */
export function requirePlatformPermission(call: Call, permission: PlatformPermission): void {
  if (isPlatform(call) || allows(call.passport, permission)) return;
  throw faults.forbidden({ detail: `needs ${permission}` });
}

/** Throws `quota.not_found` for another organisation than the caller's. */
export function requireMember(call: Call, organisationId: string): void {
  if (organisationId === "") throw faults.malformed({ detail: "organisation_id is empty" });
  if (isPlatform(call) || call.passport.organisationId === organisationId) return;
  throw faults.not_found({ detail: `${call.passport.organisationId} asks for ${organisationId}` });
}

/** Throws `quota.not_found` for another organisation, `quota.forbidden` without the permission. */
export function requirePermission(
  call: Call,
  { organisationId, permission }: { organisationId: string; permission: Permission },
): void {
  requireMember(call, organisationId);
  if (!isPlatform(call) && !allows(call.passport, permission)) {
    throw faults.forbidden({ detail: `needs ${permission}` });
  }
}

/**
 * As whom somebody changes a limit or budget. What an organisation sets is its own affair; what the
 * platform sets for it is for whoever may give allowances. Throws as the others do.
 */
export function requireSetter(
  call: Call,
  { organisationId, setBy }: { readonly organisationId: string; readonly setBy: string },
): Setter {
  if (setBy === "platform") {
    requirePlatformPermission(call, "allowances:write");
    return "platform";
  }
  if (setBy !== "" && setBy !== "organisation") {
    throw faults.malformed({ publicMessage: "set_by is organisation or platform." });
  }
  requirePermission(call, { organisationId, permission: "limits:write" });
  return "organisation";
}

/**
 * Whose limits and budgets may be read: those of one's own organisation, or of any by whoever may
 * give allowances.
 */
export function requireReader(call: Call, organisationId: string): void {
  if (organisationId !== call.passport.organisationId && mayReadAll(call)) return;
  requirePermission(call, { organisationId, permission: "limits:read" });
}

function mayReadAll(call: Call): boolean {
  return isPlatform(call) || allows(call.passport, "organisations:read");
}

/** A session has what its roles give; a key what its scopes give, and its person no less. */
function allows(
  { keyId, userId, scopes, roles }: Passport,
  permission: Permission | PlatformPermission,
): boolean {
  const isIn = (names: readonly string[], table: Table): boolean =>
    names.some((name) => table[name]?.includes(permission) === true);
  if (keyId === "") return isIn(roles, byRole);
  return isIn(scopes, byScope) && (userId === "" || isIn(roles, byRole));
}
