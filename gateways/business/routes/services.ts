import type { ArticlesService } from "@tandem/contracts/rpc/articles/v1/articles_pb";
import type { OrdersService } from "@tandem/contracts/rpc/orders/v1/orders_pb";
import { routesOf } from "@tandem/libs/gateway";
import type { RpcClient } from "@tandem/libs/rpc";

export { asCaller, idempotencyKeyOf } from "@tandem/libs/gateway";

/** What these routes speak to. */
export interface BusinessServices {
  readonly articles: RpcClient<(typeof ArticlesService)["method"]>;
  readonly orders: RpcClient<(typeof OrdersService)["method"]>;
}

export const route = routesOf<BusinessServices>();
