import type { CallContext } from "@tandem/libs/rpc";
import { inferenceFaults } from "../faults.ts";

const managerRoles = ["platform:owner", "platform:operator"];

/**
 * Upstreams belong to the platform: only its own parts and its operators change them. A session
 * manages by its roles; a key by its scopes, and its person no less.
 */
export function requireManager({ passport }: CallContext): void {
  const { organisationId, keyId, userId, scopes, roles } = passport;
  if (organisationId === "") return;
  const byRole = roles.some((role) => managerRoles.includes(role));
  const isKeyAllowed = scopes.includes("platform") && (userId === "" || byRole);
  if (keyId === "" ? !byRole : !isKeyAllowed) throw inferenceFaults.admin_only();
}
