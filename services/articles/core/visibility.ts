/**
 * Who may see and change which article. One rule, here in code for single articles and lists, and
 * in `store/readable.ts` as SQL for passages; a property test holds the two together. Pure.
 */

/** What a passport says, as far as it decides. */
export interface Claims {
  readonly organisationId: string;
  readonly projectId: string;
  readonly userId: string;
  readonly keyId: string;
  readonly scopes: readonly string[];
  readonly roles: readonly string[];
}

/** Somebody who reads: published articles of the organisation, and those of the one project. */
export interface Reader {
  readonly organisationId: string;
  /** Empty: of no project. */
  readonly projectId: string;
}

export interface Restricted {
  readonly organisationId: string;
  /** Whose keys may read it; empty: everybody in the organisation. */
  readonly projectIds: readonly string[];
  readonly isPublished: boolean;
}

const replayingRoles = ["platform:owner", "platform:operator"];

/** May see events that were given up, and have them delivered anew: who runs the platform. */
export function mayReplay({ keyId, userId, scopes, roles }: Claims): boolean {
  const byScope = keyId === "" || scopes.includes("platform");
  const byRole = userId === "" || roles.some((role) => replayingRoles.includes(role));
  return byScope && byRole && (keyId !== "" || userId !== "");
}

const writingScopes = ["admin", "manage:write"];
const readingScopes = ["admin", "manage:write", "manage:read"];
const writingRoles = ["owner", "admin", "developer"];

/** Whether an article may be read by this reader. Those who write see all of their organisation. */
export function mayRead(article: Restricted, reader: Reader): boolean {
  if (article.organisationId !== reader.organisationId || !article.isPublished) return false;
  return article.projectIds.length === 0 || article.projectIds.includes(reader.projectId);
}

/**
 * May write, and therefore see drafts and every project's articles. A key needs a scope that
 * writes; a person, key in hand or not, a role that does. The gateway has asked for finer
 * permissions already; this is the second line.
 */
export function isEditor({ keyId, userId, scopes, roles }: Claims): boolean {
  const byScope = keyId === "" || scopes.some((scope) => writingScopes.includes(scope));
  const byRole = userId === "" || roles.some((role) => writingRoles.includes(role));
  return byScope && byRole && (keyId !== "" || userId !== "");
}

/** Sees all articles without changing any: a key that reads everything, or an editor. */
export function seesEverything(claims: Claims): boolean {
  if (isEditor(claims)) return true;
  const byRole = claims.userId === "" || claims.roles.some((role) => writingRoles.includes(role));
  return (
    claims.keyId !== "" && byRole && claims.scopes.some((scope) => readingScopes.includes(scope))
  );
}
