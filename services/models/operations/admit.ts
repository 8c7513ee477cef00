/** Who may change the catalogue, and what an entry must look like. */
import type { CallContext } from "@tandem/libs/rpc";
import { modelsFaults } from "../faults.ts";

const namePattern = /^[\w./:@-]{1,128}$/;

export function requireManager({ passport }: CallContext): void {
  if (passport.organisationId === "") return;
  const allowed = passport.scopes.includes("admin") || passport.scopes.includes("manage:write");
  if (!allowed) throw modelsFaults.manager_only();
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
