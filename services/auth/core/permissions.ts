/**
 * What roles and scopes allow on the management plane. One table, so that one reading of it answers
 * "who can do this?". Pure data and set arithmetic.
 */
export const roles = ["owner", "admin", "finance", "operator", "developer", "viewer"] as const;
export type Role = (typeof roles)[number];

export const scopes = ["inference", "models:read", "manage:read", "manage:write", "admin"] as const;
export type Scope = (typeof scopes)[number];

const readPermissions = [
  "organisation:read",
  "projects:read",
  "members:read",
  "keys:read",
  "limits:read",
  "wallet:read",
  "ledger:read",
  "audit:read",
  "requests:read",
  "models:read",
  "upstreams:read",
  "topology:read",
  "orders:read",
  "articles:read",
  "analytics:read",
] as const;

const writePermissions = [
  "organisation:write",
  "projects:write",
  "members:write",
  /** One's own keys; `keys:write` is everybody's. */
  "keys:own",
  "keys:write",
  "limits:write",
  "models:write",
  "upstreams:write",
  "orders:write",
  "articles:write",
] as const;

/** Money out of nothing, what it costs and whether it was paid; owners; whole organisations. */
const highestPermissions = [
  "credits:write",
  "packs:write",
  "payments:confirm",
  "refunds:write",
  "owners:write",
  "organisations:create",
] as const;

export type Permission =
  | (typeof readPermissions)[number]
  | (typeof writePermissions)[number]
  | (typeof highestPermissions)[number];

const everything: readonly Permission[] = [
  ...readPermissions,
  ...writePermissions,
  ...highestPermissions,
];

const byRole: Readonly<Record<Role, readonly Permission[]>> = {
  owner: everything,
  admin: [...readPermissions, ...writePermissions],
  finance: [
    "organisation:read",
    "projects:read",
    "members:read",
    "limits:read",
    "wallet:read",
    "ledger:read",
    "audit:read",
    "requests:read",
    "models:read",
    "orders:read",
    "articles:read",
    "analytics:read",
    "limits:write",
    "credits:write",
    "orders:write",
    "packs:write",
    "payments:confirm",
    "refunds:write",
  ],
  operator: [
    "organisation:read",
    "projects:read",
    "members:read",
    "keys:read",
    "limits:read",
    "wallet:read",
    "audit:read",
    "requests:read",
    "models:read",
    "upstreams:read",
    "topology:read",
    "articles:read",
    "analytics:read",
    "keys:own",
    "limits:write",
    "models:write",
    "upstreams:write",
  ],
  developer: [
    "organisation:read",
    "projects:read",
    "members:read",
    "limits:read",
    "wallet:read",
    "requests:read",
    "models:read",
    "articles:read",
    "analytics:read",
    "keys:own",
    "articles:write",
  ],
  viewer: [
    "organisation:read",
    "projects:read",
    "limits:read",
    "wallet:read",
    "models:read",
    "articles:read",
  ],
};

const byScope: Readonly<Record<Scope, readonly Permission[]>> = {
  inference: [],
  "models:read": ["models:read"],
  "manage:read": readPermissions,
  "manage:write": [...readPermissions, ...writePermissions],
  admin: everything,
};

export function isRole(text: string): text is Role {
  return (roles as readonly string[]).includes(text);
}

export function isScope(text: string): text is Scope {
  return (scopes as readonly string[]).includes(text);
}

function union<Name extends string>(
  names: readonly string[],
  table: Readonly<Record<Name, readonly Permission[]>>,
): Set<Permission> {
  return new Set(names.flatMap((name) => (Object.hasOwn(table, name) ? table[name as Name] : [])));
}

export function permissionsOfRoles(names: readonly string[]): ReadonlySet<Permission> {
  return union(names, byRole);
}

export function permissionsOfScopes(names: readonly string[]): ReadonlySet<Permission> {
  return union(names, byScope);
}

/** Whose authority a call has, as far as it decides. */
export interface Authority {
  readonly keyId: string;
  readonly userId: string;
  readonly scopes: readonly string[];
  readonly roles: readonly string[];
}

/**
 * A session has what its person's roles give. A person's key has what its scopes give, but never
 * more than the person has today. A key of nobody in particular has what its scopes give.
 */
export function permissionsOf(authority: Authority): ReadonlySet<Permission> {
  if (authority.keyId === "") return permissionsOfRoles(authority.roles);
  const ofScopes = permissionsOfScopes(authority.scopes);
  if (authority.userId === "") return ofScopes;
  const ofRoles = permissionsOfRoles(authority.roles);
  return new Set([...ofScopes].filter((name) => ofRoles.has(name)));
}

/** The permissions among these scopes that the granter does not have: what it may not hand on. */
export function permissionsBeyond(
  granter: ReadonlySet<string>,
  grantedScopes: readonly string[],
): readonly string[] {
  return [...permissionsOfScopes(grantedScopes)].filter((name) => !granter.has(name));
}

/** True when somebody with these permissions may give or take this role: nobody hands on more. */
export function mayChangeRole(granter: ReadonlySet<string>, role: Role): boolean {
  if (!granter.has("members:write")) return false;
  return [...permissionsOfRoles([role])].every((name) => granter.has(name));
}
