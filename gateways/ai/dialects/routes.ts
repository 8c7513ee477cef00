import type { HeaderList } from "@tandem/libs/http";
import type { Endpoint } from "../core/request/generation-request.ts";
import { anthropicDialect } from "./anthropic/anthropic-dialect.ts";
import type { Dialect } from "./dialect.ts";
import { endpointPaths } from "./openai/endpoints.ts";
import { openaiDialect } from "./openai/openai-dialect.ts";
import { responsesDialect } from "./responses/responses-dialect.ts";

/** What generates at a path, and in which dialect it is spoken to. */
export interface GenerationRoute {
  readonly dialect: Dialect;
  readonly endpoint: Endpoint;
}

/** `/anthropic` is where DeepSeek's users point their clients; a bare host is what others give. */
const anthropicPrefixes = ["/v1", "/anthropic/v1", "/anthropic"];

const responsesPaths = ["", "/v1", "/beta", "/beta/v1"].map((prefix) => `${prefix}/responses`);

const byPath: ReadonlyMap<string, GenerationRoute> = new Map([
  ...endpointPaths.map(([path, endpoint]): [string, GenerationRoute] => [
    path,
    { dialect: openaiDialect, endpoint },
  ]),
  ...responsesPaths.map((path): [string, GenerationRoute] => [
    path,
    { dialect: responsesDialect, endpoint: "chat" },
  ]),
  ...anthropicPrefixes.map((prefix): [string, GenerationRoute] => [
    `${prefix}/messages`,
    { dialect: anthropicDialect, endpoint: "chat" },
  ]),
]);

export function routeAt(path: string): GenerationRoute | undefined {
  return byPath.get(path);
}

/** The rest of a path that only Anthropic's clients ask: `/v1/messages/count_tokens`. */
export function isCountTokens(path: string): boolean {
  return anthropicPrefixes.some((prefix) => path === `${prefix}/messages/count_tokens`);
}

/** The dialect in which anything else is answered, errors above all. */
export function dialectFor({
  path,
  headers,
}: {
  readonly path: string;
  readonly headers: HeaderList;
}): Dialect {
  const route = routeAt(path);
  if (route !== undefined) return route.dialect;
  const isAnthropic =
    path.startsWith("/anthropic/") || isCountTokens(path) || headers.has("anthropic-version");
  return isAnthropic ? anthropicDialect : openaiDialect;
}
