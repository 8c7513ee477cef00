/** The management plane's own description. */
import { z } from "zod";
import { route } from "./services.ts";

export const documentRoutes = [
  route({
    method: "GET",
    path: "/api/v1/openapi.json",
    operationId: "getOpenapi",
    summary: "Read this description as OpenAPI 3.1.",
    tag: "Platform",
    access: "public",
    reply: z.record(z.string(), z.unknown()),
    handle: async (_call, { openapi }) => ({ body: { ...openapi } }),
  }),
];
