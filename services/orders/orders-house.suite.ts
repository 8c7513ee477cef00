/** Two orders replicas on one real database, with stand-ins for the audit log and the wallet. */
import { AuthService } from "@tandem/contracts/rpc/auth/v1/auth_pb";
import { type Order, OrdersService } from "@tandem/contracts/rpc/orders/v1/orders_pb";
import { QuotaService } from "@tandem/contracts/rpc/quota/v1/quota_pb";
import { type Handlers, implement, type PassportClaims, type RpcClient } from "@tandem/libs/rpc";
import { connectRpc, createLifecycle, type Replica, serveRpc } from "@tandem/libs/service";
import { createTestHouse, startTestPostgres, type TestPostgres } from "@tandem/libs/testing";
import { newId, realWorld, sleep } from "@tandem/libs/world";
import { start } from "./main.ts";
import { FakeQuota } from "./testing/fake-quota.ts";

export type OrdersClient = RpcClient<(typeof OrdersService)["method"]>;
type Settings = Readonly<Record<string, unknown>>;

type AuthHandlers = Handlers<(typeof AuthService)["method"]>;
type QuotaHandlers = Handlers<(typeof QuotaService)["method"]>;

export interface OrdersHouse {
  readonly first: OrdersClient;
  readonly second: OrdersClient;
  readonly quota: FakeQuota;
  readonly postgres: TestPostgres;
  readonly databaseUrl: string;
  readonly logLines: readonly Readonly<Record<string, unknown>>[];
  /** Actions as the audit log was told them. */
  readonly told: { readonly action: string; readonly actor: string; readonly target: string }[];
  nowMs(): number;
  skipMs(ms: number): void;
  /** Starts a replica anew, the first one with other settings where some are given. */
  restart(settings?: Settings, number?: 1 | 2): Promise<void>;
  close(): Promise<void>;
}

/** A person in an organisation; by session unless a key is given. */
export function asPerson(
  organisationId: string,
  given: Partial<PassportClaims> = {},
): { readonly caller: PassportClaims } {
  const caller = {
    organisationId,
    projectId: "",
    userId: "usr_owner",
    keyId: "",
    sessionId: "ses_1",
    scopes: [],
    roles: ["owner"],
    ...given,
  };
  return { caller };
}

/** Somebody of the platform's finance, who sits in the founding organisation. */
export function asFinance(given: Partial<PassportClaims> = {}): {
  readonly caller: PassportClaims;
} {
  return asPerson("org_founders", {
    userId: "usr_finance",
    roles: ["viewer", "platform:finance"],
    ...given,
  });
}

const patienceMs = 15_000;

/** Asks until what it gives is so. */
export async function until<Value>(
  ask: () => Promise<Value>,
  isSo: (value: Value) => boolean,
): Promise<Value> {
  const world = realWorld();
  const giveUpMs = world.clock.monotonicMs() + patienceMs;
  for (;;) {
    const value = await ask();
    if (isSo(value)) return value;
    if (world.clock.monotonicMs() > giveUpMs) {
      const shown = JSON.stringify(value, (_, part: unknown) =>
        typeof part === "bigint" ? String(part) : part,
      );
      throw new Error(`not so within ${patienceMs} ms: ${shown}`);
    }
    await sleep(world, 20);
  }
}

export const placeOf = ({ id, organisationId }: Order) => ({ id, organisationId });

export const untilState = (house: OrdersHouse, order: Order, state: string): Promise<Order> =>
  until(
    () => house.second.getOrder(placeOf(order), asPerson(order.organisationId)),
    (found) => found.state === state,
  );

/** `doorOf` puts something between the first replica and its database. */
export async function openOrdersHouse(
  settings: Settings = {},
  doorOf: (databaseUrl: string) => Promise<string> = async (url) => url,
): Promise<OrdersHouse> {
  const real = realWorld();
  const clock = { offsetMs: 0 };
  const nowMs = (): number => real.clock.nowMs() + clock.offsetMs;
  const world = { ...real, clock: { ...real.clock, nowMs } };
  const house = createTestHouse({
    world,
    replicas: ["orders/1", "orders/2", "auth/1", "quota/1", "business/1"],
    calls: { business: ["orders"], orders: ["auth", "quota"] },
  });
  const postgres = await startTestPostgres();
  const databaseUrl = await postgres.createDatabase();
  const firstUrl = await doorOf(databaseUrl);
  const gateway = house.site("business/1");
  const lifecycle = createLifecycle(gateway);
  const siteOf = (number: 1 | 2, own = settings) =>
    house.site(`orders/${number}`, {
      databaseUrl: number === 1 ? firstUrl : databaseUrl,
      settings: { upkeepPeriodMs: "100ms", ...own },
    });
  const connect = (number: 1 | 2): OrdersClient =>
    connectRpc(gateway, lifecycle, {
      ...{ service: OrdersService, deployable: "orders" },
      address: siteOf(number).address,
    });
  const told: OrdersHouse["told"] = [];
  const quota = new FakeQuota();
  const others = await serveOthers(house, { told, quota });
  const replicas: Replica[] = await Promise.all([start(siteOf(1)), start(siteOf(2))]);
  return {
    ...{ first: connect(1), second: connect(2), quota, postgres, databaseUrl, told, nowMs },
    logLines: house.logLines,
    skipMs: (ms) => {
      clock.offsetMs += ms;
    },
    async restart(own = settings, number = 1) {
      await replicas[number - 1]?.close({ deadlineMs: 1_000 });
      replicas[number - 1] = await start(siteOf(number, own));
    },
    async close() {
      await lifecycle.replica(gateway.address).close({ deadlineMs: 1_000 });
      for (const replica of [...replicas, ...others]) await replica.close({ deadlineMs: 1_000 });
      await postgres.stop();
      house.close();
    },
  };
}

async function serveOthers(
  house: ReturnType<typeof createTestHouse>,
  { told, quota }: Pick<OrdersHouse, "told" | "quota">,
): Promise<readonly Replica[]> {
  const auditLog: Pick<AuthHandlers, "recordAudit"> = {
    recordAudit: async ({ entry }) => {
      const { action = "", actor = "", target = "" } = entry ?? {};
      told.push({ action, actor, target });
      return {};
    },
  };
  const [authSite, quotaSite] = [house.site("auth/1"), house.site("quota/1")];
  return [
    await serveRpc(authSite, createLifecycle(authSite), [
      implement(AuthService, auditLog as AuthHandlers),
    ]),
    await serveRpc(quotaSite, createLifecycle(quotaSite), [
      implement(QuotaService, quota.handlers as QuotaHandlers),
    ]),
  ];
}

/** An organisation that may order one pack: 10.00 and 19 % tax for 12.00 of credit. */
export async function shop(
  { first }: OrdersHouse,
  terms: { readonly validDays?: number; readonly creditCurrency?: string } = {},
): Promise<{ readonly organisationId: string; readonly packId: string }> {
  const organisationId = newId(realWorld(), "org");
  const product = {
    ...{ organisationId, kind: "pack", name: "Ten", priceNanos: 10_000_000_000n },
    ...{ currency: "USD", taxPpm: 190_000, creditNanos: 12_000_000_000n, creditCurrency: "USD" },
    ...terms,
  };
  const made = await first.createProduct({ product }, asFinance());
  return { organisationId, packId: made.id };
}

let serial = 0;

/** A new order of that pack. */
export function place(
  client: OrdersClient,
  { organisationId, packId: productId }: { organisationId: string; packId: string },
  more: {
    readonly id?: string;
    readonly quantity?: number;
    readonly productVersion?: bigint;
    readonly expectedTotalNanos?: bigint;
    readonly idempotencyKey?: string;
    readonly queuedAtMs?: bigint;
  } = {},
): Promise<Order> {
  serial += 1;
  const request = { organisationId, productId, quantity: 1, idempotencyKey: `order-${serial}` };
  return client.createOrder({ ...request, ...more }, asPerson(organisationId));
}

/** Finance saw the money of this order. */
export function confirm(
  client: OrdersClient,
  order: Order,
  given: Partial<PassportClaims> = {},
): Promise<Order> {
  const { id: orderId, totalNanos: amountNanos, currency } = order;
  return client.confirmPayment({ orderId, amountNanos, currency }, asFinance(given));
}
