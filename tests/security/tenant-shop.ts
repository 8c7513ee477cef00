import type { AccessHouse } from "../integration/access-house.ts";

/** What the platform offers this organisation alone, and an order of it. */
export async function furnishShop(
  house: AccessHouse,
  given: {
    readonly key: string;
    readonly platformKey: string;
    readonly organisationId: string;
    readonly marker: string;
  },
): Promise<{ readonly pack: string; readonly plan: string; readonly order: string }> {
  const { key, platformKey, organisationId, marker } = given;
  const body = {
    ...{ organisation_id: organisationId, name: marker, description: marker },
    ...{ price: "1", credit: "1" },
  };
  const offer = async (path: string): Promise<string> => {
    const made = await house.expect(201, { method: "POST", path, key: platformKey, body });
    return String(made["id"]);
  };
  const [pack, plan] = [await offer("/api/v1/packs"), await offer("/api/v1/plans")];
  const made = await house.expect(201, {
    method: "POST",
    path: "/api/v1/orders",
    key,
    headers: { "idempotency-key": marker },
    body: { product_id: pack, note: marker },
  });
  return { pack, plan, order: String(made["id"]) };
}
