/**
 * Who may do what to orders, as this service sees it by itself. The gateway has checked already;
 * this is the second line, should a gateway be wrong or taken over.
 */
export type Permission =
  | "orders:read"
  | "orders:write"
  | "packs:write"
  | "payments:confirm"
  | "refunds:write";

export interface Claims {
  readonly keyId: string;
  readonly userId: string;
  readonly scopes: readonly string[];
  readonly roles: readonly string[];
}

const everything: readonly Permission[] = [
  "orders:read",
  "orders:write",
  "packs:write",
  "payments:confirm",
  "refunds:write",
];

const byRole: Readonly<Record<string, readonly Permission[]>> = {
  owner: everything,
  admin: ["orders:read", "orders:write"],
  finance: everything,
};

const byScope: Readonly<Record<string, readonly Permission[]>> = {
  "manage:read": ["orders:read"],
  "manage:write": ["orders:read", "orders:write"],
  admin: everything,
};

/** A session has what its roles give; a key what its scopes give, and its person no less. */
export function allows({ keyId, userId, scopes, roles }: Claims, permission: Permission): boolean {
  const isIn = (names: readonly string[], table: typeof byRole): boolean =>
    names.some((name) => table[name]?.includes(permission) === true);
  if (keyId === "") return isIn(roles, byRole);
  return isIn(scopes, byScope) && (userId === "" || isIn(roles, byRole));
}
