import { join } from "node:path";
import type { OrdersService } from "@tandem/contracts/rpc/orders/v1/orders_pb";
import type { RpcClient } from "@tandem/libs/rpc";
import { type Lifecycle, type Site, tellJournal } from "@tandem/libs/service";
import type { HotStore } from "@tandem/libs/store/hot";
import { openJournal } from "@tandem/libs/store/journal";
import type { Config } from "../config.ts";
import { OrderQueue } from "./order-queue.ts";
import type { QueuedOrder } from "./queued-order.ts";
import { createSharedOrders } from "./shared-orders.ts";

type Orders = Pick<RpcClient<(typeof OrdersService)["method"]>, "createOrder">;

const createDeadlineMs = 10_000;

/** The queue of this replica, with what its last life left, at work until the replica closes. */
export async function buildQueue(options: {
  readonly site: Site;
  readonly lifecycle: Lifecycle;
  readonly config: Config;
  readonly hotStore: HotStore;
  readonly orders: Orders;
}): Promise<OrderQueue> {
  const { site, lifecycle, config, hotStore, orders } = options;
  const { world, log, metrics, keys } = site;
  const journal = await openJournal(join(site.dataDirectory, "orders"), {
    ...{ world, log },
    windowMs: 0,
    bytesMax: config.queueBytesMax,
  });
  lifecycle.defer("queued orders", () => journal.close());
  tellJournal(site, "orders", journal);
  const waiting = metrics.gauge({
    name: "tandem_queued_orders",
    help: "Orders that were taken in while the orders service was away, and are not made yet.",
    labels: ["replica"],
  });
  const queue = new OrderQueue({
    ...{ journal, world, log },
    shared: createSharedOrders({ store: hotStore, secret: keys.apiKeyPepper, world }),
    create: (order) => bring(orders, order),
    report: (count) => waiting.set(count, { replica: site.id }),
    waitingMax: config.queuedOrdersMax,
  });
  await queue.recover();
  lifecycle.go("order queue", (signal) => queue.run(signal));
  return queue;
}

async function bring(orders: Orders, order: QueuedOrder): Promise<void> {
  const { claims, requestId, productVersion, expectedTotalNanos, queuedAtMs, ...rest } = order;
  await orders.createOrder(
    {
      ...rest,
      productVersion: BigInt(productVersion),
      expectedTotalNanos: BigInt(expectedTotalNanos),
      queuedAtMs: BigInt(queuedAtMs),
    },
    { requestId, caller: claims, deadlineMs: createDeadlineMs },
  );
}
