/**
 * Who may change an organisation, as this service sees it by itself. The gateway has checked finer
 * permissions already; this is the second line, should a gateway be wrong or taken over.
 */
export interface Claims {
  readonly keyId: string;
  readonly userId: string;
  readonly scopes: readonly string[];
  readonly roles: readonly string[];
}

const writingScopes = ["admin", "manage:write"];
const writingRoles = ["owner", "admin"];

/** A key needs a scope that writes; a person, key in hand or not, a role that does. */
export function mayWrite({ keyId, userId, scopes, roles }: Claims): boolean {
  const byScope = keyId === "" || scopes.some((scope) => writingScopes.includes(scope));
  const byRole = userId === "" || roles.some((role) => writingRoles.includes(role));
  return byScope && byRole && (keyId !== "" || userId !== "");
}

/** Roles of the platform itself: who has one sees every organisation. */
export function isOperator({ keyId, userId, scopes, roles }: Claims): boolean {
  const byScope = keyId === "" || scopes.includes("platform");
  const byRole = userId === "" || roles.some((role) => role.startsWith("platform:"));
  return byScope && byRole && (keyId !== "" || userId !== "");
}
