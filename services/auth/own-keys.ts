/** Which keys a caller may see and change: everybody's, or its own. */
import type { CallContext } from "@tandem/libs/rpc";
import { isPlatform, may } from "./authority.ts";
import { authFaults } from "./faults.ts";
import type { KeyRow } from "./store/keys.ts";

function isOwn({ passport }: CallContext, key: KeyRow): boolean {
  return passport.userId !== "" && passport.userId === key.user_id;
}

/** Throws `auth.key_not_found` for another organisation and for what one may not see. */
export function requireReadable<Key extends KeyRow>(
  context: CallContext,
  key: Key | undefined,
): Key {
  if (key === undefined) throw authFaults.key_not_found();
  if (isPlatform(context) || may(context, "keys:read")) return key;
  if (may(context, "keys:own") && isOwn(context, key)) return key;
  throw authFaults.key_not_found();
}

/** As readable; throws `auth.permission_missing` for a key one may see and not change. */
export function requireChangeable<Key extends KeyRow>(
  context: CallContext,
  key: Key | undefined,
): Key {
  const readable = requireReadable(context, key);
  if (isPlatform(context) || may(context, "keys:write")) return readable;
  if (may(context, "keys:own") && isOwn(context, readable)) return readable;
  throw authFaults.permission_missing({ detail: "keys:write" });
}

/** Throws `auth.key_not_found` when the organisation is not the caller's. */
export function requireSameOrganisation(context: CallContext, organisationId: string): void {
  const { passport } = context;
  if (!isPlatform(context) && passport.organisationId !== organisationId) {
    throw authFaults.key_not_found();
  }
}
