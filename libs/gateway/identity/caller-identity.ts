import type { Identity } from "@tandem/contracts/rpc/auth/v1/auth_pb";
import { priorityDefault, priorityOf } from "../../kernel/index.ts";
import type { PassportClaims } from "../../rpc/index.ts";
import { type AddressRule, addressMatches, parseAddressRule } from "./address-rule.ts";

/** A verified caller and what it may do. Built once, asked on every request. */
export interface CallerIdentity {
  readonly claims: PassportClaims;
  readonly name: string;
  readonly scopes: ReadonlySet<string>;
  /** What it may do on the management plane: `projects:read`. Auth works it out. */
  readonly permissions: ReadonlySet<string>;
  /** Milliseconds since 1970; 0 for never. */
  readonly expiresAtMs: number;
  /** The most that its requests matter: see `libs/kernel/priority.ts`. */
  readonly priority: number;
  /** Changes whenever what the key allows changes, so that answers cached under it are not met. */
  readonly policyVersion: string;
  mayUseModel(id: string): boolean;
  mayUseEndpoint(name: string): boolean;
  /** `address` as the router saw it; an empty one is only let through where all are. */
  mayComeFrom(address: string): boolean;
}

export function identityFromContract(message: Identity): CallerIdentity {
  const { allowedModels, allowedEndpoints, allowedAddresses } = message;
  const names = new Set(allowedModels.filter((pattern) => !pattern.endsWith("*")));
  const prefixes = allowedModels
    .filter((pattern) => pattern.endsWith("*"))
    .map((pattern) => pattern.slice(0, -1));
  const rules = allowedAddresses
    .map(parseAddressRule)
    .filter((rule): rule is AddressRule => rule !== undefined);
  return {
    claims: {
      organisationId: message.organisationId,
      projectId: message.projectId,
      userId: message.userId,
      keyId: message.keyId,
      sessionId: message.sessionId,
      scopes: message.scopes,
      roles: message.roles,
    },
    name: message.name,
    scopes: new Set(message.scopes),
    permissions: new Set(message.permissions),
    expiresAtMs: Number(message.expiresAtMs),
    priority: priorityOf(message.priority) ?? priorityDefault,
    policyVersion: [...allowedModels].sort().join(","),
    mayUseModel: (id) =>
      allowedModels.length === 0 ||
      names.has(id) ||
      prefixes.some((prefix) => id.startsWith(prefix)),
    mayUseEndpoint: (name) => allowedEndpoints.length === 0 || allowedEndpoints.includes(name),
    mayComeFrom: (address) =>
      allowedAddresses.length === 0 || rules.some((rule) => addressMatches(rule, address)),
  };
}
