import type { AuthService } from "@tandem/contracts/rpc/auth/v1/auth_pb";
import type { MonitoringService } from "@tandem/contracts/rpc/monitoring/v1/monitoring_pb";
import type { OutboxService } from "@tandem/contracts/rpc/outbox/v1/outbox_pb";
import type { QuotaService } from "@tandem/contracts/rpc/quota/v1/quota_pb";
import type { UsersService } from "@tandem/contracts/rpc/users/v1/users_pb";
import { routesOf } from "@tandem/libs/gateway";
import type { RpcClient } from "@tandem/libs/rpc";

export { asCaller, asPlatform, idempotencyKeyOf, recordIntent } from "@tandem/libs/gateway";

type Outbox = RpcClient<(typeof OutboxService)["method"]>;

/** What these routes speak to, and the little they are told by configuration. */
export interface AccessServices {
  readonly auth: RpcClient<(typeof AuthService)["method"]>;
  readonly users: RpcClient<(typeof UsersService)["method"]>;
  readonly quota: RpcClient<(typeof QuotaService)["method"]>;
  /** Of the services that tell others by events. */
  readonly outboxes: Readonly<Record<"users" | "quota", Outbox>>;
  readonly monitoring: RpcClient<(typeof MonitoringService)["method"]>;
  readonly initialCredit: { readonly nanos: bigint; readonly currency: string };
  /** What the console has to send back with each change, for a session's token. */
  readonly csrfTokenOf: (sessionToken: string) => string;
  /** Where a browser goes after signing in. */
  readonly consolePath: string;
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
  /** The management plane's OpenAPI document. */
  readonly openapi: Readonly<Record<string, unknown>>;
}

export const route = routesOf<AccessServices>();
