import type { ChatService } from "@tandem/contracts/rpc/chat/v1/chat_pb";
import type { InferenceService } from "@tandem/contracts/rpc/inference/v1/inference_pb";
import type { ModelsService } from "@tandem/contracts/rpc/models/v1/models_pb";
import type { MonitoringService } from "@tandem/contracts/rpc/monitoring/v1/monitoring_pb";
import { type RestCall, routesOf } from "@tandem/libs/gateway";
import type { CallOptions, RpcClient } from "@tandem/libs/rpc";
import type { Side } from "../core/failover/failover-machine.ts";
import type { Board } from "../failover/failover-board.ts";

/** The services that these routes speak to. */
export interface ManagementServices {
  readonly monitoring: RpcClient<(typeof MonitoringService)["method"]>;
  readonly models: RpcClient<(typeof ModelsService)["method"]>;
  readonly inference: RpcClient<(typeof InferenceService)["method"]>;
  readonly chat: RpcClient<(typeof ChatService)["method"]>;
  readonly failover: FailoverView;
}

/** What the gateways decided about the standby, and how to tell them otherwise. */
export interface FailoverView {
  boards(): Promise<readonly { readonly replica: string; readonly board: Board }[]>;
  pinOf(group: string): Promise<Side | undefined>;
  pin(group: string, side: Side | undefined, life: { readonly forMs: number }): Promise<void>;
}

export const route = routesOf<ManagementServices>();

/** How a route passes on whom it is for, and how long there is. */
export function asCaller(call: RestCall): CallOptions {
  return {
    requestId: call.requestId,
    caller: call.caller.claims,
    deadlineMs: call.remainingMs(),
  };
}
