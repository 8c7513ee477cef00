import findMyWay from "find-my-way";
import { assert } from "../../kernel/index.ts";
import type { Route, RouteMethod } from "./route.ts";

export interface RouteMatch<Services> {
  readonly route: Route<Services>;
  /** Percent-decoded, not yet checked. */
  readonly params: Readonly<Record<string, string | undefined>>;
}

export interface RouteTable<Services> {
  readonly routes: readonly Route<Services>[];
  match(method: string, path: string): RouteMatch<Services> | undefined;
  /** The methods that this path knows, `HEAD` and `OPTIONS` included; empty for an unknown path. */
  methodsOf(path: string): readonly string[];
}

const methods: readonly RouteMethod[] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/** Finds routes by a radix tree. Throws when two routes have the same place or the same name. */
export function createRouteTable<Services>(
  routes: readonly Route<Services>[],
): RouteTable<Services> {
  const tree = findMyWay({ caseSensitive: true, maxParamLength: 128 });
  const names = new Set<string>();
  for (const route of routes) {
    assert(!names.has(route.operationId), `two routes are called ${route.operationId}`);
    names.add(route.operationId);
    tree.on(route.method, route.path, () => undefined, route);
  }
  const find = (method: RouteMethod, path: string): RouteMatch<Services> | undefined => {
    const found = tree.find(method, path);
    if (found === null) return undefined;
    return { route: found.store as Route<Services>, params: found.params };
  };
  return {
    routes,
    match(method, path) {
      const asked = method === "HEAD" ? "GET" : method;
      const known = methods.find((name) => name === asked);
      return known === undefined ? undefined : find(known, path);
    },
    methodsOf(path) {
      const known: string[] = methods.filter((method) => find(method, path) !== undefined);
      if (known.length === 0) return [];
      return [...known, ...(known.includes("GET") ? ["HEAD"] : []), "OPTIONS"];
    },
  };
}
