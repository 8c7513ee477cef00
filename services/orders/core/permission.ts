/**
 * Who may do what to orders, as this service sees it by itself. The gateway has checked already;
 * this is the second line, should a gateway be wrong or taken over.
 */
export type Permission = "orders:read" | "orders:write";

/**
 * What somebody of the platform may do to the orders of every organisation. No organisation's own
 * people have any of it: offers and confirmed payments are how credit is made.
 */
export type PlatformPermission =
  | "packs:write"
  | "payments:confirm"
  | "refunds:write"
  | "events:replay";

type Table = Readonly<Record<string, readonly (Permission | PlatformPermission)[]>>;

export interface Claims {
  readonly keyId: string;
  readonly userId: string;
  readonly scopes: readonly string[];
  readonly roles: readonly string[];
}

const ownOrders: readonly Permission[] = ["orders:read", "orders:write"];
const wholePlatform: readonly PlatformPermission[] = [
  "packs:write",
  "payments:confirm",
  "refunds:write",
  "events:replay",
];

const byRole: Table = {
  owner: ownOrders,
  admin: ownOrders,
  finance: ownOrders,
  "platform:owner": wholePlatform,
  "platform:finance": wholePlatform,
  "platform:operator": ["events:replay"],
};

const byScope: Table = {
  "manage:read": ["orders:read"],
  "manage:write": ownOrders,
  admin: ownOrders,
  platform: wholePlatform,
};

/** A session has what its roles give; a key what its scopes give, and its person no less. */
export function allows(
  { keyId, userId, scopes, roles }: Claims,
  permission: Permission | PlatformPermission,
): boolean {
  const isIn = (names: readonly string[], table: Table): boolean =>
    names.some((name) => table[name]?.includes(permission) === true);
  if (keyId === "") return isIn(roles, byRole);
  return isIn(scopes, byScope) && (userId === "" || isIn(roles, byRole));
}
