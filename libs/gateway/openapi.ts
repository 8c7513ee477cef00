/**
 * The OpenAPI 3.1 document of a gateway's management routes, made from the very descriptions that
 * serve them (https://spec.openapis.org/oas/v3.1.1). Never written by hand.
 */
import { z } from "zod";
import { assert } from "../kernel/index.ts";
import { problemMediaType } from "./problem.ts";
import { idempotencyOf, permissionsFor, type Route, successStatusOf } from "./rest/route.ts";

export type JsonObject = { [name: string]: unknown };

export interface ApiInfo {
  readonly title: string;
  readonly version: string;
  readonly description: string;
  /** Headings of the reference, in their order, with a sentence each. */
  readonly tags: readonly { readonly name: string; readonly description: string }[];
}

/** The whole document; the same text for the same routes. */
export function describeApi(info: ApiInfo, routes: readonly Route<never>[]): JsonObject {
  const schemas = new Map<string, JsonObject>([["Problem", problemSchema]]);
  const paths: Record<string, JsonObject> = {};
  for (const route of routes) {
    assert(
      info.tags.some(({ name }) => name === route.tag),
      `${route.operationId} stands under ${route.tag}, which is no heading`,
    );
    const path = route.path.replaceAll(/:(\w+)/g, "{$1}");
    const known = paths[path] ?? {};
    known[route.method.toLowerCase()] = describeRoute(route, schemas);
    paths[path] = known;
  }
  return {
    openapi: "3.1.1",
    info: {
      title: info.title,
      version: info.version,
      description: info.description,
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/" }],
    tags: info.tags,
    security: [{ key: [] }, { session: [] }],
    paths,
    components: {
      securitySchemes: {
        key: { type: "http", scheme: "bearer", description: "An API key with a manage scope." },
        session: {
          type: "apiKey",
          in: "cookie",
          name: "__Host-tandem_session",
          description: "Over plain HTTP `tandem_session`. Changes also need `x-tandem-csrf`.",
        },
      },
      schemas: Object.fromEntries([...schemas].sort(([left], [right]) => (left < right ? -1 : 1))),
      responses: {
        Problem: {
          description: "What went wrong and what to do (RFC 9457).",
          content: { [problemMediaType]: { schema: { $ref: "#/components/schemas/Problem" } } },
        },
      },
    },
  };
}

const problemSchema: JsonObject = {
  type: "object",
  required: ["type", "title", "status", "detail", "request_id"],
  properties: {
    type: {
      type: "string",
      description: "`/errors/<reason>`; stable.",
      examples: ["/errors/rest.not_found"],
    },
    title: { type: "string" },
    status: { type: "integer" },
    detail: { type: "string", description: "What happened and what to do." },
    request_id: { type: "string", examples: ["req_06f2qk8m3v8sxqh5w1p4n0zr7c"] },
    errors: {
      type: "array",
      description: "For `rest.invalid_input`: each field that is wrong.",
      items: {
        type: "object",
        required: ["field", "message"],
        properties: { field: { type: "string" }, message: { type: "string" } },
      },
    },
  },
};

type Schemas = Map<string, JsonObject>;

function describeRoute(route: Route<never>, schemas: Schemas): JsonObject {
  const { access } = route;
  const operation: JsonObject = {
    operationId: route.operationId,
    summary: route.summary,
    ...(route.description === undefined ? {} : { description: route.description }),
    tags: [route.tag],
    ...(access === "public" ? { security: [] } : {}),
    ...(typeof access === "object" ? { "x-permission": permissionsFor(route).join(" or ") } : {}),
    ...(route.faults === undefined ? {} : { "x-faults": route.faults }),
  };
  const parameters = [
    ...fieldParameters(route.params, "path", schemas),
    ...fieldParameters(route.query, "query", schemas),
    ...headerParameters(route),
  ];
  if (parameters.length > 0) operation["parameters"] = parameters;
  if (route.body !== undefined) {
    const schema = convert(route.body, "input", schemas);
    const isRequired = Array.isArray(schema["required"]) && schema["required"].length > 0;
    operation["requestBody"] = {
      required: isRequired,
      content: { "application/json": { schema } },
    };
  }
  operation["responses"] = describeAnswers(route, schemas);
  return operation;
}

function fieldParameters(
  schema: z.ZodType | undefined,
  place: "path" | "query",
  schemas: Schemas,
): readonly JsonObject[] {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = convert(schema, "input", schemas) as {
    properties?: Record<string, JsonObject>;
    required?: readonly string[];
  };
  return Object.entries(properties).map(([name, property]) => ({
    name,
    in: place,
    required: place === "path" || required.includes(name),
    schema: property,
  }));
}

function headerParameters(route: Route<never>): readonly JsonObject[] {
  const header = (name: string, required: boolean, description: string): JsonObject => ({
    name,
    in: "header",
    required,
    description,
    schema: { type: "string" },
  });
  const parameters: JsonObject[] = [];
  const idempotency = idempotencyOf(route);
  if (idempotency !== "none") {
    const text = "1 to 255 visible characters, kept for 24 h. The same key gives the same answer.";
    parameters.push(header("Idempotency-Key", idempotency === "required", text));
  }
  if (route.needsIfMatch === true) {
    parameters.push(header("If-Match", true, "The `ETag` of the version that was changed."));
  }
  if (route.method === "GET") {
    parameters.push(header("If-None-Match", false, "An `ETag`; 304 when nothing has changed."));
  }
  return parameters;
}

function describeAnswers(route: Route<never>, schemas: Schemas): JsonObject {
  const answers: Record<string, JsonObject> = {};
  const success: JsonObject = { description: "Done." };
  if (route.reply !== undefined) {
    const schema = convert(route.reply, "output", schemas);
    success["content"] = { "application/json": { schema } };
  }
  if (route.fileTypes !== undefined) {
    const file = { schema: { type: "string" } };
    success["content"] = Object.fromEntries(route.fileTypes.map((type) => [type, file]));
  }
  if (route.method === "GET" || route.needsIfMatch === true) {
    success["headers"] = { ETag: { schema: { type: "string" } } };
  }
  answers[String(successStatusOf(route))] = success;
  if (route.mayQueue === true) {
    answers["202"] = { ...success, description: "Taken in and stored; done later." };
  }
  if (route.method === "GET") answers["304"] = { description: "Nothing has changed." };
  for (const status of problemStatuses(route)) {
    answers[status] = { $ref: "#/components/responses/Problem" };
  }
  return answers;
}

function problemStatuses(route: Route<never>): readonly string[] {
  const statuses: string[] = [];
  if (route.body !== undefined || route.query !== undefined) statuses.push("400");
  if (route.access !== "public") statuses.push("401", "403");
  if (route.params !== undefined) statuses.push("404");
  if (route.body !== undefined) statuses.push("413", "415");
  if (idempotencyOf(route) !== "none") statuses.push("409", "422");
  if (route.needsIfMatch === true) statuses.push("412", "428");
  return [...statuses.sort((left, right) => Number(left) - Number(right)), "503", "default"];
}

/**
 * A schema as JSON Schema 2020-12; what has a name goes to `components`, once. What goes in is
 * stricter than what comes out (defaults, unknown members), so the two have names of their own.
 */
function convert(schema: z.ZodType, io: "input" | "output", schemas: Schemas): JsonObject {
  // Wrapped, since a named schema is referred to everywhere but at the top.
  const converted = z.toJSONSchema(z.object({ schema }), {
    io,
    target: "draft-2020-12",
    unrepresentable: "any",
    override: ({ zodSchema, jsonSchema }) => {
      const { parameter } = z.globalRegistry.get(zodSchema) ?? {};
      if (typeof parameter === "object") replaceMembers(jsonSchema, parameter as JsonObject);
      // Answers may grow; clients must not refuse what they do not know.
      if (io === "output") delete jsonSchema.additionalProperties;
    },
  });
  const nameOf = (name: string): string => (io === "input" ? `${name}Input` : name);
  const { $defs = {}, properties } = rename(converted, nameOf) as {
    $defs?: Record<string, JsonObject>;
    properties: { schema: JsonObject };
  };
  for (const [plainName, { id: _, ...definition }] of Object.entries($defs)) {
    const name = nameOf(plainName);
    const known = schemas.get(name);
    const isSame = known === undefined || JSON.stringify(known) === JSON.stringify(definition);
    assert(isSame, `two schemas are called ${name}`);
    schemas.set(name, definition);
  }
  return properties.schema;
}

function replaceMembers(target: object, members: JsonObject): void {
  for (const name of Object.keys(target)) Reflect.deleteProperty(target, name);
  Object.assign(target, members);
}

/** References point to `components` instead of the schema's own definitions. */
function rename(value: unknown, nameOf: (name: string) => string): unknown {
  if (Array.isArray(value)) return value.map((item) => rename(item, nameOf));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => {
      if (name !== "$ref") return [name, rename(member, nameOf)];
      const target = String(member).replace("#/$defs/", "");
      return [name, `#/components/schemas/${nameOf(target)}`];
    }),
  );
}
