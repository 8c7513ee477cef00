/**
 * What roles and scopes allow on the management plane. One table, so that one reading of it answers
 * "who can do this?". Pure data and set arithmetic.
 *
 * There are two kinds of authority. An organisation's roles and scopes reach no further than the
 * organisation. What all organisations share (upstreams, the catalogue and its prices, credit made
 * out of nothing, organisations themselves) is the platform's: its roles are held in the
 * organisation that setup founded, and no organisation's owner has or gives any of it.
 */
export const organisationRoles = [
  "owner",
  "admin",
  "finance",
  "operator",
  "developer",
  "viewer",
] as const;
export const platformRoles = ["platform:owner", "platform:operator", "platform:finance"] as const;
export const roles = [...organisationRoles, ...platformRoles] as const;
export type Role = (typeof roles)[number];

export const scopes = [
  "inference",
  "models:read",
  "manage:read",
  "manage:write",
  "admin",
  "platform",
] as const;
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
  "orders:write",
  "articles:write",
] as const;

/** What is offered, whether it was paid, what is paid back: this is how credit is made. */
const orderPermissions = ["packs:write", "payments:confirm", "refunds:write"] as const;

/** What an organisation's owner alone has. */
const ownerPermissions = ["owners:write"] as const;

/** What belongs to no organisation. */
const platformPermissions = [
  "organisations:read",
  "organisations:create",
  /** Limits that an organisation gets from the platform, and cannot lift by itself. */
  "allowances:write",
  /** Money out of nothing. */
  "credits:write",
  ...orderPermissions,
  "models:write",
  "upstreams:read",
  "upstreams:write",
  "topology:read",
  "operators:write",
  /** Delivering anew what could not be delivered. */
  "events:replay",
] as const;

export type Permission =
  | (typeof readPermissions)[number]
  | (typeof writePermissions)[number]
  | (typeof ownerPermissions)[number]
  | (typeof platformPermissions)[number];

const wholeOrganisation: readonly Permission[] = [
  ...readPermissions,
  ...writePermissions,
  ...ownerPermissions,
];

const byRole: Readonly<Record<Role, readonly Permission[]>> = {
  owner: wholeOrganisation,
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
    "orders:write",
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
    "articles:read",
    "analytics:read",
    "keys:own",
    "limits:write",
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
  "platform:owner": platformPermissions,
  "platform:operator": [
    "organisations:read",
    "allowances:write",
    "models:write",
    "upstreams:read",
    "upstreams:write",
    "topology:read",
    "events:replay",
  ],
  "platform:finance": ["organisations:read", "credits:write", ...orderPermissions],
};

const byScope: Readonly<Record<Scope, readonly Permission[]>> = {
  inference: [],
  "models:read": ["models:read"],
  "manage:read": readPermissions,
  "manage:write": [...readPermissions, ...writePermissions],
  admin: wholeOrganisation,
  platform: platformPermissions,
};

export function isRole(text: string): text is Role {
  return (roles as readonly string[]).includes(text);
}

export function isPlatformRole(role: string): boolean {
  return (platformRoles as readonly string[]).includes(role);
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
  if (!granter.has(isPlatformRole(role) ? "operators:write" : "members:write")) return false;
  return [...permissionsOfRoles([role])].every((name) => granter.has(name));
}
