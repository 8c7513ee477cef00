import type { GatewayPool } from "../pool/gateway-pool.ts";
import type { GatewayReplica } from "../pool/gateway-replica.ts";
import type { AdmittedRequest } from "./admitted-request.ts";

/** Third phase, once for each attempt: which replica gets it. Undefined for an empty pool. */
export function choose(
  request: AdmittedRequest,
  given: {
    readonly pool: GatewayPool;
    readonly tried: ReadonlySet<GatewayReplica> | undefined;
    readonly nowMs: number;
  },
): GatewayReplica | undefined {
  const choice = given.pool.choose(given.tried, given.nowMs);
  if (choice === undefined) return undefined;
  request.attempts += 1;
  request.target = choice.replica.name;
  return choice.replica;
}
