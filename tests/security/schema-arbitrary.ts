/** Requests made from the schemas that will judge them: good ones, nearly good ones, and hostile ones. */
import fc from "fast-check";
import { z } from "zod";

interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly format?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly items?: JsonSchema;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly anyOf?: readonly JsonSchema[];
}

/** What has broken others: numbers, texts and shapes that nobody expects. */
const hostileValues: readonly unknown[] = [
  null,
  true,
  -1,
  0,
  1.5,
  2 ** 53,
  1e308,
  -0,
  "",
  " ",
  "x".repeat(10_000),
  "null",
  "' or 1=1 --",
  "$(id)",
  "../../etc/passwd",
  "a\r\nset-cookie: a=b",
  "\u202eevil",
  "😀".repeat(50),
  "{{constructor}}",
  [],
  [[[[[]]]]],
  {},
  { __proto__: null, constructor: { prototype: { admin: true } } },
  { $ne: null },
  ["inference", "inference"],
];

const rawBodies: readonly (string | Buffer)[] = [
  "",
  "null",
  "[]",
  "0",
  '"text"',
  "{",
  "NaN",
  "{'a':1}",
  "\ufeff{}",
  '{"a":1}{"b":2}',
  '{"name":"a","name":"b"}',
  '{"__proto__":{"admin":true}}',
  '{"name":"\\ud800"}',
  '{"name":"\\u0000"}',
  `${"[".repeat(20_000)}${"]".repeat(20_000)}`,
  `{"name":${"9".repeat(40_000)}}`,
  Buffer.from([0xff, 0xfe, 0x00, 0x7b]),
  "x".repeat(70_000),
];

/** A body to send: usually an object near what the schema wants, sometimes raw rubbish. */
export function bodiesOf(schema: z.ZodType): fc.Arbitrary<object | string | Buffer> {
  const good = valuesOf(asJsonSchema(schema));
  return fc.oneof(
    { weight: 3, arbitrary: good.map(asObject) },
    {
      weight: 5,
      arbitrary: fc.tuple(good, mutations()).map(([value, mutate]) => mutate(asObject(value))),
    },
    { weight: 2, arbitrary: fc.constantFrom(...rawBodies) },
  );
}

/** A query string near what the schema wants. */
export function queriesOf(schema: z.ZodType): fc.Arbitrary<string> {
  const names = Object.keys(asJsonSchema(schema).properties ?? {});
  const name = fc.oneof(fc.constantFrom(...names, "__proto__", "a[b]", ""), fc.string());
  const value = fc.oneof(
    fc.integer().map(String),
    fc.string(),
    fc.constantFrom("%00", "%zz", "%F0"),
  );
  const pair = fc
    .tuple(name, value, fc.boolean())
    .map(([key, text, isRaw]) =>
      isRaw ? `${key}=${text}`.replaceAll(/[^\x21-\x7e]/g, "") : `${encode(key)}=${encode(text)}`,
    );
  return fc.array(pair, { maxLength: 4 }).map((pairs) => pairs.join("&"));
}

/** A path segment: an id of some form, or anything else. */
export const segments: fc.Arbitrary<string> = fc.oneof(
  fc
    .constantFrom("prj", "key", "org", "usr", "inv", "lim", "bdg")
    .map((name) => `${name}_${"0".repeat(26)}`),
  fc.string({ minLength: 1, maxLength: 30 }).map(encode),
  fc.constantFrom("%2e%2e", "%00", "%zz", "..", "*", "a".repeat(300), "%F0%9F%98%80", "owner"),
);

function encode(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}

function asJsonSchema(schema: z.ZodType): JsonSchema {
  return z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as JsonSchema;
}

function asObject(value: unknown): object {
  return typeof value === "object" && value !== null ? value : { value };
}

function valuesOf(schema: JsonSchema): fc.Arbitrary<unknown> {
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map(valuesOf));
  const type = typeof schema.type === "string" ? schema.type : schema.type?.[0];
  if (type === "object") return objectsOf(schema);
  if (type === "array") return fc.array(valuesOf(schema.items ?? {}), { maxLength: 3 });
  if (type === "boolean") return fc.boolean();
  if (type === "integer" || type === "number") {
    return fc.integer({
      min: schema.minimum ?? 0,
      max: Math.min(schema.maximum ?? 1e9, 2 ** 31 - 1),
    });
  }
  return type === "string" ? textsOf(schema) : fc.constant(null);
}

function objectsOf({ properties = {}, required = [] }: JsonSchema): fc.Arbitrary<unknown> {
  const fields: Record<string, fc.Arbitrary<unknown>> = {};
  for (const [name, schema] of Object.entries(properties)) fields[name] = valuesOf(schema);
  return fc.record(fields, { requiredKeys: [...required] });
}

function textsOf({
  pattern,
  format,
  minLength,
  maxLength = 50,
}: JsonSchema): fc.Arbitrary<unknown> {
  if (format === "date-time") {
    return fc
      .date({ noInvalidDate: true, min: new Date(0), max: new Date(4e12) })
      .map((at) => at.toISOString());
  }
  if (pattern !== undefined && !pattern.includes("\\p"))
    return fc.stringMatching(new RegExp(pattern));
  return fc.oneof(
    fc.emailAddress(),
    fc.string({
      minLength: minLength ?? 0,
      maxLength: Math.max(minLength ?? 0, Math.min(maxLength, 100)),
    }),
  );
}

/** One step away from good: a field less, a field more, or a field that holds something else. */
function mutations(): fc.Arbitrary<(value: object) => object> {
  const hostile = fc.constantFrom(...hostileValues);
  return fc
    .tuple(fc.nat(), hostile, fc.constantFrom("drop", "add", "replace"))
    .map(([index, value, kind]) => (good) => {
      const entries = Object.entries(good);
      const at = entries.length === 0 ? 0 : index % entries.length;
      if (kind === "drop") return Object.fromEntries(entries.filter((_, place) => place !== at));
      if (kind === "add") return { ...good, [`extra${index}`]: value };
      return Object.fromEntries(
        entries.map(([name, old], place) => [name, place === at ? value : old]),
      );
    });
}
