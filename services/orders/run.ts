/**
 * The orders service: plans and credit packs with their versions. Every operation takes the
 * caller's organisation from the signed passport and knows no other. What it does is told to the
 * audit log through its outbox, in the transaction that does it. All state is in its database;
 * without that it refuses, and the gateway answers reads from its last copies, marked.
 */
import { fromBinary } from "@bufbuild/protobuf";
import { AuditEntrySchema, AuthService } from "@tandem/contracts/rpc/auth/v1/auth_pb";
import { OrdersService } from "@tandem/contracts/rpc/orders/v1/orders_pb";
import { type Implementation, implement, type RpcClient } from "@tandem/libs/rpc";
import {
  connectRpc,
  createLifecycle,
  databaseUrlOf,
  type Replica,
  type Site,
  serveRpc,
} from "@tandem/libs/service";
import { migrate, type OutboxEvent, openDatabase, startRelay } from "@tandem/libs/store";
import type { Config } from "./config.ts";
import { createProduct } from "./operations/create-product.ts";
import { getProduct } from "./operations/get-product.ts";
import { listProductVersions } from "./operations/list-product-versions.ts";
import { listProducts } from "./operations/list-products.ts";
import { updateProduct } from "./operations/update-product.ts";
import type { OrdersParts } from "./parts.ts";
import { declareProducts } from "./store/configured-products.ts";
import { migrations, type Schema } from "./store/schema.ts";

export async function run(config: Config, site: Site): Promise<Replica> {
  const lifecycle = createLifecycle(site);
  const { world, log } = site;
  const poolSize = config.databaseConnections;
  const database = openDatabase<Schema>(databaseUrlOf(site), { world, log, poolSize });
  lifecycle.defer("database", () => database.destroy());
  await migrate(database, migrations);
  await declareProducts(database, config.products);

  const auth = connectRpc(site, lifecycle, { service: AuthService, deployable: "auth" });
  const deliver = (event: OutboxEvent): Promise<void> => tellAudit(auth, event);
  const relay = startRelay(database, { world, log, deliver });
  lifecycle.defer("outbox", () => relay.close());
  const parts: OrdersParts = { database, config, wakeRelay: () => relay.wake() };
  return serveRpc(site, lifecycle, [operationsOf(parts)]);
}

async function tellAudit(
  auth: RpcClient<(typeof AuthService)["method"]>,
  { id, payload }: OutboxEvent,
): Promise<void> {
  await auth.recordAudit({ entry: fromBinary(AuditEntrySchema, payload), eventId: id });
}

function operationsOf(parts: OrdersParts): Implementation {
  return implement(OrdersService, {
    createProduct: (request, context) => createProduct(parts, request, context),
    updateProduct: (request, context) => updateProduct(parts, request, context),
    getProduct: (request, context) => getProduct(parts, request, context),
    listProducts: (request, context) => listProducts(parts, request, context),
    listProductVersions: (request, context) => listProductVersions(parts, request, context),
  });
}
