import type { QuotaService } from "@tandem/contracts/rpc/quota/v1/quota_pb";
import type { RpcClient } from "@tandem/libs/rpc";
import type { Log } from "@tandem/libs/telemetry";
import type { Config } from "./config.ts";
import type { PaymentMetrics } from "./payment-metrics.ts";
import type { PaymentProvider } from "./providers/provider.ts";
import type { ActionParts } from "./store/action.ts";

/** What operations are carried out with. */
export interface OrdersParts extends ActionParts {
  readonly config: Config;
  readonly log: Log;
  readonly metrics: PaymentMetrics;
  /** Who takes new payments; undefined where nothing is sold. */
  readonly provider: PaymentProvider | undefined;
  readonly quota: Pick<RpcClient<(typeof QuotaService)["method"]>, "getBalance">;
}
