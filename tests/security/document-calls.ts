/**
 * Bad calls made from the OpenAPI documents of the management plane: for each operation every field
 * of its body, every parameter and the body as a whole, with what has broken others. A new route is
 * in it by itself.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";

export interface BadCall {
  readonly operationId: string;
  /** What is wrong with it, for the failure's message. */
  readonly what: string;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer | undefined;
  /** No schema may let it pass; others may come out to be allowed. */
  readonly mustRefuse: boolean;
}

interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly pattern?: string;
  readonly format?: string;
  readonly minLength?: number;
  readonly minimum?: number;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
}

interface Operation {
  readonly operationId: string;
  readonly parameters?: readonly { readonly name: string; readonly in: string }[];
  readonly requestBody?: {
    readonly content: Readonly<Record<string, { readonly schema: Schema }>>;
  };
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components?: { readonly schemas?: Readonly<Record<string, Schema>> };
}

interface Place {
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
  readonly document: Document;
}

const methods = ["get", "put", "post", "delete", "patch"];

export function placesOf(gateway: string): readonly Place[] {
  const file = join(import.meta.dirname, `../../contracts/http/${gateway}/openapi.yaml`);
  const document = parse(readFileSync(file, "utf8")) as Document;
  return Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.entries(operations)
      .filter(([method]) => methods.includes(method))
      .map(([method, operation]) => ({ method: method.toUpperCase(), path, operation, document })),
  );
}

/** JSON texts to stand in a field's place. */
const hostileTexts: readonly (readonly [what: string, text: string, mustRefuse: boolean])[] = [
  ["null", "null", false],
  ["a negative number", "-1", false],
  ["a fraction", "0.1", false],
  ["a number beyond 64 bits", "99999999999999999999999", false],
  ["a number beyond doubles", "1e400", true],
  ["a number of 5,000 digits", "9".repeat(5_000), true],
  ["a text of 60,000 characters", `"${"x".repeat(60_000)}"`, false],
  ["an empty text", '""', false],
  ["a NUL", '"a\\u0000b"', true],
  ["half a surrogate pair", '"\\ud800"', true],
  ["a line break of a header", '"a\\r\\nset-cookie: a=b"', false],
  ["an overridden direction", '"\\u202eevil"', false],
  ["a prototype", '{"__proto__":{"admin":true}}', true],
  ["the same name twice", '{"a":1,"a":2}', true],
  ["an unknown object", '{"$ne":null}', false],
  ["a list of lists", `${"[".repeat(70)}${"]".repeat(70)}`, true],
  ["no JSON", "NaN", true],
];

/** Bodies that are wrong as a whole. */
const hostileBodies: readonly (readonly [what: string, body: string | Buffer])[] = [
  ["null", "null"],
  ["a list", "[]"],
  ["half an object", '{"name":'],
  ["two objects", "{}{}"],
  ["a byte order mark", "\ufeff{}"],
  ["no UTF-8", Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d])],
  ["100,000 levels", `${"[".repeat(100_000)}${"]".repeat(100_000)}`],
  ["a prototype", '{"__proto__":{"admin":true},"constructor":{"prototype":{}}}'],
  ["an unknown field", '{"is_admin":true}'],
];

const oversized = Buffer.from(`{"a":"${"x".repeat(20_000_000)}"}`);

const hostileSegments: readonly string[] = [
  ...["%00", "%2e%2e%2fkeys", "%zz", "__proto__", "constructor", "%F0%9F%98%80", "a%0d%0ab"],
  ...["x".repeat(400), `key_${"0".repeat(26)}`, "%ff"],
];

const hostileQueries: readonly string[] = [
  ...[
    "%00",
    "%zz",
    "-1",
    "1e400",
    "%ed%a0%80",
    "x".repeat(3_000),
    "__proto__",
    "a&limit=1&limit=2",
  ],
];

export function badCallsOf(place: Place): readonly BadCall[] {
  return [...bodyCalls(place), ...pathCalls(place), ...queryCalls(place)];
}

const standing = { "content-type": "application/json", "if-match": "*" };

function callOf(
  { method, path, operation }: Place,
  given: Pick<BadCall, "what" | "mustRefuse"> & {
    readonly path?: string;
    readonly body?: string | Buffer;
    readonly headers?: Readonly<Record<string, string>>;
  },
): BadCall {
  return {
    ...{ operationId: operation.operationId, method, what: given.what },
    path: given.path ?? path.replaceAll(/\{\w+\}/g, "none"),
    headers: { ...standing, "idempotency-key": crypto.randomUUID(), ...given.headers },
    body: given.body,
    mustRefuse: given.mustRefuse,
  };
}

function bodyCalls(place: Place): readonly BadCall[] {
  const schema = bodySchemaOf(place);
  if (schema === undefined) return [];
  const sample = sampleOf(schema, place.document) as Readonly<Record<string, unknown>>;
  const fields = Object.keys(resolved(schema, place.document).properties ?? {});
  const text = JSON.stringify(sample);
  return [
    ...fields.flatMap((field) =>
      hostileTexts.map(([what, hostile, mustRefuse]) =>
        callOf(place, {
          ...{ what: `${field}: ${what}`, mustRefuse },
          body: withField(sample, field, hostile),
        }),
      ),
    ),
    // Nothing is an empty object, which may be all that is needed.
    callOf(place, { what: "nothing", body: "", mustRefuse: false }),
    ...hostileBodies.map(([what, body]) => callOf(place, { what, body, mustRefuse: true })),
    callOf(place, {
      what: "text",
      body: text,
      headers: { "content-type": "text/plain" },
      mustRefuse: true,
    }),
    callOf(place, {
      ...{ what: "a coding nobody offered", body: text, mustRefuse: true },
      headers: { "content-encoding": "gzip" },
    }),
    callOf(place, { what: "20 MB", body: oversized, mustRefuse: true }),
  ];
}

function withField(sample: object, field: string, hostile: string): string {
  const mark = "@hostile@";
  return JSON.stringify({ ...sample, [field]: mark }).replace(`"${mark}"`, () => hostile);
}

function pathCalls(place: Place): readonly BadCall[] {
  const names = [...place.path.matchAll(/\{\w+\}/g)].map(([whole]) => whole);
  const schema = bodySchemaOf(place);
  const body = schema && JSON.stringify(sampleOf(schema, place.document));
  return names.flatMap((name) =>
    hostileSegments.map((segment) =>
      callOf(place, {
        ...{ what: `${name} is ${segment.slice(0, 30)}`, mustRefuse: false },
        path: place.path.replace(name, () => segment).replaceAll(/\{\w+\}/g, "none"),
        ...(body === undefined ? {} : { body }),
      }),
    ),
  );
}

function queryCalls(place: Place): readonly BadCall[] {
  // What changes something with a good body is not called for its query's sake.
  if (place.method !== "GET") return [];
  const path = place.path.replaceAll(/\{\w+\}/g, "none");
  const names = (place.operation.parameters ?? []).filter((one) => one.in === "query");
  // Where no query is described none is read.
  if (names.length === 0) return [];
  return [...names.map(({ name }) => name), "unknown"].flatMap((name) =>
    hostileQueries.map((value) =>
      callOf(place, {
        ...{ what: `?${name}=${value.slice(0, 30)}`, path: `${path}?${name}=${value}` },
        mustRefuse: name === "unknown",
      }),
    ),
  );
}

function bodySchemaOf({ operation }: Place): Schema | undefined {
  return operation.requestBody?.content["application/json"]?.schema;
}

function resolved(schema: Schema, document: Document): Schema {
  const name = schema.$ref?.split("/").at(-1);
  return name === undefined ? schema : (document.components?.schemas?.[name] ?? {});
}

/** Something near what the schema wants, so that one field at a time is what is wrong. */
function sampleOf(given: Schema, document: Document): unknown {
  const schema = resolved(given, document);
  const [first] = schema.anyOf ?? schema.oneOf ?? [];
  if (first !== undefined) return sampleOf(first, document);
  if (schema.const !== undefined) return schema.const;
  if (schema.enum !== undefined) return schema.enum[0];
  const type = typeof schema.type === "string" ? schema.type : schema.type?.[0];
  if (type === "object") {
    const { properties = {}, required = [] } = schema;
    return Object.fromEntries(
      required.map((name) => [name, sampleOf(properties[name] ?? {}, document)]),
    );
  }
  if (type === "array") return [];
  if (type === "boolean") return false;
  if (type === "integer" || type === "number") return schema.minimum ?? 1;
  return sampleText(schema);
}

function sampleText({ pattern = "", format }: Schema): string {
  if (format === "date-time") return "2026-11-01T00:00:00Z";
  if (format === "email") return "nobody@example.com";
  const prefix = /^\^([a-z]{3})_/.exec(pattern)?.[1];
  if (prefix !== undefined) return `${prefix}_${"0".repeat(26)}`;
  return pattern.includes("[0-9]") && !pattern.includes("[A-Z]") ? "1" : "USD text".slice(0, 3);
}
