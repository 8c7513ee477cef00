/**
 * Which JSON Schemas a grammar can hold an answer to. What it cannot is refused by name: a silently
 * ignored bound would be a promise not kept. Pure.
 */
type Schema = Readonly<Record<string, unknown>>;

/** Understood, or without effect on what is valid. */
const known = new Set([
  ...["type", "properties", "required", "additionalProperties", "minProperties", "maxProperties"],
  ...["items", "prefixItems", "minItems", "maxItems", "minLength", "maxLength", "enum", "const"],
  ...["oneOf", "anyOf", "$ref", "$defs", "definitions", "format", "description", "title"],
  ...["default", "examples", "$schema", "$id", "$comment"],
]);
const formats = new Set(["date-time", "time", "date"]);
const depthMax = 32;

export type SchemaReading =
  | { readonly kind: "schema"; readonly schema: Schema }
  | { readonly kind: "refused"; readonly problem: string };

/** The schema in the form the grammar writer takes (`oneOf` for `anyOf`), or why not. */
export function supportedSchema(value: unknown): SchemaReading {
  const problems: string[] = [];
  const schema = convert(value, "", problems, 0);
  const [problem] = problems;
  return problem === undefined ? { kind: "schema", schema } : { kind: "refused", problem };
}

function convert(value: unknown, path: string, problems: string[], depth: number): Schema {
  if (!isSchema(value)) {
    problems.push(`${path === "" ? "the schema" : path} is no schema object`);
    return {};
  }
  if (depth > depthMax) {
    problems.push(`it is nested more than ${depthMax} deep`);
    return {};
  }
  const converted: Record<string, unknown> = {};
  for (const [name, member] of Object.entries(value)) {
    const here = path === "" ? name : `${path}.${name}`;
    if (!known.has(name)) problems.push(`${here} is not supported`);
    else if (name === "format" && !formats.has(String(member))) {
      problems.push(`${here} "${String(member)}" is not supported`);
    } else {
      const [outName, out] = convertMember(name, member, { here, problems, depth });
      converted[outName] = out;
    }
  }
  return converted;
}

interface Place {
  readonly here: string;
  readonly problems: string[];
  readonly depth: number;
}

function convertMember(name: string, member: unknown, place: Place): [string, unknown] {
  const { here, problems, depth } = place;
  const inner = (value: unknown, at: string): Schema => convert(value, at, problems, depth + 1);
  if (name === "oneOf" || name === "anyOf" || name === "prefixItems") {
    const list = Array.isArray(member) ? member : [member];
    const outName = name === "prefixItems" ? name : "oneOf";
    return [outName, list.map((item: unknown, index) => inner(item, `${here}.${index}`))];
  }
  if (name === "properties" || name === "$defs" || name === "definitions") {
    const entries = isSchema(member) ? Object.entries(member) : [];
    const out = entries.map(([key, item]) => [key, inner(item, `${here}.${key}`)] as const);
    return [name === "definitions" ? "$defs" : name, Object.fromEntries(out)];
  }
  if (name === "items") return [name, inner(member, here)];
  if (name === "additionalProperties" && typeof member !== "boolean") {
    return [name, inner(member, here)];
  }
  if (name === "$ref" && typeof member === "string") {
    return [name, member.replace("#/definitions/", "#/$defs/")];
  }
  return [name, member];
}

function isSchema(value: unknown): value is Schema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
