import type { CallContext } from "@tandem/libs/rpc";
import { isPlatform } from "./authority.ts";
import { authFaults } from "./faults.ts";

/** Sessions and links are their person's own: throws `auth.permission_missing` for anybody else. */
export function requireSelf(context: CallContext, userId: string): void {
  if (isPlatform(context)) return;
  if (userId !== "" && context.passport.userId === userId) return;
  throw authFaults.permission_missing({ detail: "sessions and links are their person's own" });
}

/** As `requireSelf`, and in a session: a key must not lock its person out, nor let another in. */
export function requireSelfInSession(context: CallContext, userId: string): void {
  requireSelf(context, userId);
  if (isPlatform(context) || context.passport.sessionId !== "") return;
  throw authFaults.permission_missing({ detail: "this needs a session" });
}
