/** Tenant checks, made anew in every operation from the signed passport. */
import type { CallContext } from "@tandem/libs/rpc";
import { isEditor, mayReplay, type Reader, seesEverything } from "./core/visibility.ts";
import { articlesFaults } from "./faults.ts";

type Call = Pick<CallContext, "passport">;

/** Another organisation does not exist; nobody asks for none. Throws what `hidden` makes. */
export function requireMember(
  { passport }: Call,
  organisationId: string,
  hidden: () => Error,
): void {
  if (organisationId === "" || passport.organisationId !== organisationId) throw hidden();
}

/** As `requireMember`; throws `articles.permission_missing` for those who may only read. */
export function requireEditor(call: Call, organisationId: string, hidden: () => Error): void {
  requireMember(call, organisationId, hidden);
  if (!isEditor(call.passport)) throw articlesFaults.permission_missing();
}

/** As `requireMember`; drafts and versions do not exist for those who read what is published. */
export function requireInsider(call: Call, organisationId: string, hidden: () => Error): void {
  requireMember(call, organisationId, hidden);
  if (!seesEverything(call.passport)) throw hidden();
}

export function requirePlatform({ passport }: Call): void {
  if (passport.organisationId !== "") {
    throw articlesFaults.platform_only({ detail: passport.issuer });
  }
}

/** Throws `articles.permission_missing` for whoever may not deliver anew what was given up. */
export function requireReplayer({ passport }: Call): void {
  if (passport.organisationId !== "" && !mayReplay(passport)) {
    throw articlesFaults.permission_missing();
  }
}

/** What the caller may find: what a key of its project finds, whatever else it may do. */
export function readerOf({ passport }: Call): Reader {
  const { organisationId, projectId } = passport;
  return { organisationId, projectId };
}

/** Who did it, for the history of an article. */
export function authorOf({ passport }: Call): string {
  return passport.userId || passport.keyId || passport.issuer;
}
