/** The management plane's part of this gateway, as one table of routes. */
import { createRouteTable, type RouteTable } from "@tandem/libs/gateway";
import { conversationRoutes } from "./conversations.ts";
import { failoverRoutes } from "./failover.ts";
import { modelRoutes } from "./models.ts";
import { requestRoutes } from "./requests.ts";
import type { ManagementServices } from "./services.ts";
import { upstreamRoutes } from "./upstreams.ts";

export type { ManagementServices } from "./services.ts";

export function managementRoutes(): RouteTable<ManagementServices> {
  return createRouteTable([
    ...requestRoutes,
    ...modelRoutes,
    ...upstreamRoutes,
    ...failoverRoutes,
    ...conversationRoutes,
  ]);
}
