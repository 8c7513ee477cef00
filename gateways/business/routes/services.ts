import type { AnalyticsService } from "@tandem/contracts/rpc/analytics/v1/analytics_pb";
import type { ArticlesService } from "@tandem/contracts/rpc/articles/v1/articles_pb";
import type { OrdersService } from "@tandem/contracts/rpc/orders/v1/orders_pb";
import type { OutboxService } from "@tandem/contracts/rpc/outbox/v1/outbox_pb";
import { routesOf } from "@tandem/libs/gateway";
import type { RpcClient } from "@tandem/libs/rpc";
import type { OrderQueue } from "../queue/order-queue.ts";

export { asCaller, asPlatform, idempotencyKeyOf } from "@tandem/libs/gateway";

type Outbox = RpcClient<(typeof OutboxService)["method"]>;

/** What these routes speak to. */
export interface BusinessServices {
  readonly articles: RpcClient<(typeof ArticlesService)["method"]>;
  readonly orders: RpcClient<(typeof OrdersService)["method"]>;
  /** Of the services that tell others by events. */
  readonly outboxes: Readonly<Record<"orders" | "articles", Outbox>>;
  /** Where new orders wait while the orders service is away. */
  readonly queue: Pick<OrderQueue, "add" | "find" | "isAway">;
  readonly queueAfterMs: number;
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
  readonly newOrderId: () => string;
  readonly analytics: RpcClient<(typeof AnalyticsService)["method"]>;
}

export const route = routesOf<BusinessServices>();
