/** Who may change the catalogue, and what an entry must look like. */
import type { CallContext } from "@tandem/libs/rpc";
import { modelsFaults } from "../faults.ts";

const namePattern = /^[\w./:@-]{1,128}$/;

const managerScopes = ["platform"];
const managerRoles = ["platform:owner", "platform:operator"];

/**
 * The catalogue is everybody's, so the platform changes it and no organisation does. A session
 * manages by its roles; a key by its scopes, and its person no less.
 */
export function requireManager({ passport }: CallContext): void {
  const { organisationId, keyId, userId, scopes, roles } = passport;
  if (organisationId === "") return;
  const byScope = scopes.some((scope) => managerScopes.includes(scope));
  const byRole = roles.some((role) => managerRoles.includes(role));
  const isKeyAllowed = byScope && (userId === "" || byRole);
  if (keyId === "" ? !byRole : !isKeyAllowed) throw modelsFaults.manager_only();
}

export function requirePlatform({ passport }: CallContext): void {
  if (passport.organisationId !== "") throw modelsFaults.platform_only();
}

export function requireName(what: string, name: string): void {
  if (namePattern.test(name)) return;
  throw modelsFaults.invalid({
    publicMessage: `${what} has 1 to 128 letters, digits and the signs . _ / : @ -`,
  });
}
