/** Two orders replicas on one real database, and a stand-in for the audit log. */
import { AuthService } from "@tandem/contracts/rpc/auth/v1/auth_pb";
import { OrdersService } from "@tandem/contracts/rpc/orders/v1/orders_pb";
import { Fault } from "@tandem/libs/kernel";
import { type Handlers, implement, type PassportClaims, type RpcClient } from "@tandem/libs/rpc";
import { connectRpc, createLifecycle, type Replica, serveRpc } from "@tandem/libs/service";
import { createTestHouse, startTestPostgres } from "@tandem/libs/testing";
import { realWorld } from "@tandem/libs/world";
import { start } from "./main.ts";

export type OrdersClient = RpcClient<(typeof OrdersService)["method"]>;

type AuthHandlers = Handlers<(typeof AuthService)["method"]>;

export interface OrdersHouse {
  readonly first: OrdersClient;
  readonly second: OrdersClient;
  /** Actions as the audit log was told them. */
  readonly told: { readonly action: string; readonly actor: string }[];
  skipMs(ms: number): void;
  /** Starts the first replica anew with other settings. */
  restart(settings: Readonly<Record<string, unknown>>): Promise<void>;
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

/** The reason a call is refused with; "none" when it is not. */
export async function refusalOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return "none";
  } catch (error) {
    if (Fault.is(error)) return error.reason;
    throw error;
  }
}

export async function openOrdersHouse(
  settings: Readonly<Record<string, unknown>> = {},
): Promise<OrdersHouse> {
  const real = realWorld();
  const clock = { offsetMs: 0 };
  const world = {
    ...real,
    clock: { ...real.clock, nowMs: () => real.clock.nowMs() + clock.offsetMs },
  };
  const house = createTestHouse({
    world,
    replicas: ["orders/1", "orders/2", "auth/1", "business/1"],
    calls: { business: ["orders"], orders: ["auth"] },
  });
  const postgres = await startTestPostgres();
  const databaseUrl = await postgres.createDatabase();
  const gateway = house.site("business/1");
  const lifecycle = createLifecycle(gateway);
  const siteOf = (number: 1 | 2, own = settings) =>
    house.site(`orders/${number}`, { databaseUrl, settings: own });
  const connect = (number: 1 | 2): OrdersClient =>
    connectRpc(gateway, lifecycle, {
      ...{ service: OrdersService, deployable: "orders" },
      address: siteOf(number).address,
    });
  const told: OrdersHouse["told"] = [];
  const authSite = house.site("auth/1");
  const auditLog: Pick<AuthHandlers, "recordAudit"> = {
    recordAudit: async ({ entry }) => {
      told.push({ action: entry?.action ?? "", actor: entry?.actor ?? "" });
      return {};
    },
  };
  const auth = await serveRpc(authSite, createLifecycle(authSite), [
    implement(AuthService, auditLog as AuthHandlers),
  ]);
  const replicas: Replica[] = await Promise.all([start(siteOf(1)), start(siteOf(2))]);
  return {
    first: connect(1),
    second: connect(2),
    told,
    skipMs: (ms) => {
      clock.offsetMs += ms;
    },
    async restart(own) {
      await replicas[0]?.close({ deadlineMs: 1_000 });
      replicas[0] = await start(siteOf(1, own));
    },
    async close() {
      await lifecycle.replica(gateway.address).close({ deadlineMs: 1_000 });
      for (const replica of [...replicas, auth]) await replica.close({ deadlineMs: 1_000 });
      await postgres.stop();
      house.close();
    },
  };
}
