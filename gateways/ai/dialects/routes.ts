import type { Endpoint } from "../core/request/generation-request.ts";
import type { Dialect } from "./dialect.ts";
import { endpointAt } from "./openai/endpoints.ts";
import { openaiDialect } from "./openai/openai-dialect.ts";

/** What generates at a path, and in which dialect it is spoken to. */
export interface GenerationRoute {
  readonly dialect: Dialect;
  readonly endpoint: Endpoint;
}

const byPath = new Map<string, GenerationRoute>();

export function routeAt(path: string): GenerationRoute | undefined {
  const known = byPath.get(path);
  if (known !== undefined) return known;
  const endpoint = endpointAt(path);
  if (endpoint === undefined) return undefined;
  const route: GenerationRoute = { dialect: openaiDialect, endpoint };
  byPath.set(path, route);
  return route;
}

/** The dialect in which anything at a path is answered, errors above all. */
export function dialectAt(path: string): Dialect {
  return routeAt(path)?.dialect ?? openaiDialect;
}
