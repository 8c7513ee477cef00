import type { CallContext } from "@tandem/libs/rpc";
import { inferenceFaults } from "../faults.ts";

/** Upstreams belong to the platform: only its own parts and its managers change them. */
export function requireManager({ passport }: CallContext): void {
  if (passport.organisationId === "") return;
  const allowed = passport.scopes.includes("admin") || passport.scopes.includes("manage:write");
  if (!allowed) throw inferenceFaults.admin_only();
}
