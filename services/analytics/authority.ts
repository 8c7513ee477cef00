/** Who may see what, made anew in every operation from the signed passport. */
import type { CallContext, Passport } from "@tandem/libs/rpc";
import { analyticsFaults } from "./faults.ts";

type Call = Pick<CallContext, "passport">;

/** `margin`: what upstreams take, which is the operator's business and not every developer's. */
type Permission = "analytics:read" | "margin";

const all: readonly Permission[] = ["analytics:read", "margin"];

const byRole: Readonly<Record<string, readonly Permission[]>> = {
  owner: all,
  admin: all,
  finance: all,
  operator: all,
  developer: ["analytics:read"],
};

const byScope: Readonly<Record<string, readonly Permission[]>> = {
  "manage:read": all,
  "manage:write": all,
  admin: all,
};

function isPlatform({ passport }: Call): boolean {
  return passport.organisationId === "";
}

/** Throws `analytics.forbidden` unless a part of the platform calls for itself. */
export function requirePlatform(call: Call): void {
  if (!isPlatform(call))
    throw analyticsFaults.forbidden({ detail: "only the platform itself may" });
}

/** Another organisation than the caller's does not exist; and one must be allowed to look. */
export function requireReader(call: Call, organisationId: string): void {
  if (organisationId === "")
    throw analyticsFaults.malformed({ detail: "organisation_id is empty" });
  if (isPlatform(call)) return;
  if (call.passport.organisationId !== organisationId) {
    const detail = `${call.passport.organisationId} asks for ${organisationId}`;
    throw analyticsFaults.organisation_not_found({ detail });
  }
  if (!allows(call.passport, "analytics:read")) {
    throw analyticsFaults.forbidden({ detail: "needs analytics:read" });
  }
}

export function maySeeMargin(call: Call): boolean {
  return isPlatform(call) || allows(call.passport, "margin");
}

/** A session has what its roles give; a key what its scopes give, and its person no less. */
function allows({ keyId, userId, scopes, roles }: Passport, permission: Permission): boolean {
  const isIn = (names: readonly string[], table: typeof byRole): boolean =>
    names.some((name) => table[name]?.includes(permission) === true);
  if (keyId === "") return isIn(roles, byRole);
  return isIn(scopes, byScope) && (userId === "" || isIn(roles, byRole));
}
