import type { Route, RouteTable } from "../core/route-table.ts";
import { routerFaults } from "../faults.ts";
import type { AdmittedRequest } from "./admitted-request.ts";

/** Second phase: whose request it is. Throws `router.no_route` or `router.method_not_allowed`. */
export function classify(request: AdmittedRequest, table: RouteTable): Route {
  const { method, target } = request.exchange.head;
  const match = table.match(method, request.path);
  if (match.kind === "route") return match.route;
  if (match.kind === "no_route") {
    throw routerFaults.no_route({ detail: `${method} ${target.slice(0, 200)}` });
  }
  throw routerFaults.method_not_allowed({
    publicMessage: `This path serves ${match.allowed.join(", ")} only.`,
  });
}
