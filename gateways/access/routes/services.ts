import type { AuthService } from "@tandem/contracts/rpc/auth/v1/auth_pb";
import type { MonitoringService } from "@tandem/contracts/rpc/monitoring/v1/monitoring_pb";
import type { QuotaService } from "@tandem/contracts/rpc/quota/v1/quota_pb";
import type { UsersService } from "@tandem/contracts/rpc/users/v1/users_pb";
import { type RestCall, routesOf } from "@tandem/libs/gateway";
import type { CallOptions, RpcClient } from "@tandem/libs/rpc";

/** The services that these routes speak to. */
export interface AccessServices {
  readonly auth: RpcClient<(typeof AuthService)["method"]>;
  readonly users: RpcClient<(typeof UsersService)["method"]>;
  readonly quota: RpcClient<(typeof QuotaService)["method"]>;
  readonly monitoring: RpcClient<(typeof MonitoringService)["method"]>;
}

export const route = routesOf<AccessServices>();

/** How a route passes on whom it is for, and how long there is. */
export function asCaller(call: RestCall): CallOptions {
  return {
    requestId: call.requestId,
    caller: call.caller.claims,
    deadlineMs: call.remainingMs(),
  };
}
