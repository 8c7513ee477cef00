/** Tenant checks, made anew in every operation from the signed passport. */
import type { CallContext } from "@tandem/libs/rpc";
import { isOperator, mayWrite } from "./core/write-authority.ts";
import { usersFaults } from "./faults.ts";

type Call = Pick<CallContext, "passport">;

/** True for a call that a part of the platform makes for itself. */
export function isPlatform({ passport }: Call): boolean {
  return passport.organisationId === "";
}

export function requirePlatform(call: Call): void {
  if (!isPlatform(call)) throw usersFaults.platform_only({ detail: call.passport.issuer });
}

/** Another organisation does not exist: throws what `hidden` makes. */
export function requireMember(call: Call, organisationId: string, hidden: () => Error): void {
  if (!isPlatform(call) && call.passport.organisationId !== organisationId) throw hidden();
}

/** As `requireMember`; throws `users.permission_missing` for those who may only look. */
export function requireWriter(call: Call, organisationId: string, hidden: () => Error): void {
  requireMember(call, organisationId, hidden);
  if (!isPlatform(call) && !mayWrite(call.passport)) throw usersFaults.permission_missing();
}

/** True for a part of the platform, and for people and keys of the platform's operators. */
export function seesEveryOrganisation(call: Call): boolean {
  return isPlatform(call) || isOperator(call.passport);
}

/** What is kept about a person is that person's: throws what `hidden` makes for anybody else. */
export function requireSelf(call: Call, userId: string, hidden: () => Error): void {
  if (!isPlatform(call) && (userId === "" || call.passport.userId !== userId)) throw hidden();
}

/** Throws `users.permission_missing` for those who do not run the platform. */
export function requireOperator(call: Call): void {
  if (!seesEveryOrganisation(call)) throw usersFaults.permission_missing();
}
