/** What the table needs of a route in the topology. */
export interface Route {
  /** Exact path, or a prefix ending in `/*`. */
  readonly path: string;
  /** All methods when absent. */
  readonly methods?: readonly string[] | undefined;
  readonly gateway: string;
  readonly replay: "always" | "idempotent";
}

export type RouteMatch =
  | { readonly kind: "route"; readonly route: Route }
  | { readonly kind: "method_not_allowed"; readonly allowed: readonly string[] }
  | { readonly kind: "no_route" };

const noRoute: RouteMatch = { kind: "no_route" };

/**
 * Which gateway a request goes to. An exact path wins over any prefix, a longer prefix over a
 * shorter one; a route that does not take the method is passed over. Paths are compared as they
 * were sent: what is percent-encoded or holds dots is another path, for the gateway to judge.
 */
export class RouteTable {
  readonly #exact = new Map<string, Route[]>();
  readonly #prefixes = new Map<string, Route[]>();
  /** Lengths that prefixes have, the longest first: only there can a path match. */
  readonly #lengths: readonly number[];

  constructor(routes: readonly Route[]) {
    for (const route of routes) {
      const isPrefix = route.path.endsWith("/*");
      const table = isPrefix ? this.#prefixes : this.#exact;
      const path = isPrefix ? route.path.slice(0, -1) : route.path;
      const known = table.get(path);
      if (known === undefined) table.set(path, [route]);
      else known.push(route);
    }
    const lengths = new Set([...this.#prefixes.keys()].map((prefix) => prefix.length));
    this.#lengths = [...lengths].sort((left, right) => right - left);
  }

  match(method: string, path: string): RouteMatch {
    const allowed: string[] = [];
    const exact = pick(this.#exact.get(path), method, allowed);
    if (exact !== undefined) return { kind: "route", route: exact };
    for (const length of this.#lengths) {
      if (path.charAt(length - 1) !== "/") continue;
      const found = pick(this.#prefixes.get(path.slice(0, length)), method, allowed);
      if (found !== undefined) return { kind: "route", route: found };
    }
    return allowed.length > 0 ? { kind: "method_not_allowed", allowed } : noRoute;
  }
}

function pick(
  routes: readonly Route[] | undefined,
  method: string,
  allowed: string[],
): Route | undefined {
  if (routes === undefined) return undefined;
  for (const route of routes) {
    if (route.methods === undefined || route.methods.includes(method)) return route;
    allowed.push(...route.methods);
  }
  return undefined;
}
