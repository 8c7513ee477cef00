import type { z } from "zod";
import { defineFaults, type Fault, Secret } from "../kernel/index.ts";
import type { World } from "../world/index.ts";
import { type Layers, layerSettings, type Violation } from "./layers.ts";
import {
  definitionOf,
  metaOf,
  type Schema,
  settingName,
  shapeOf,
  unwrapped,
} from "./schema-shape.ts";

/** What loading needs of a replica's site. */
export interface ConfigSource {
  readonly deployable: string;
  readonly world: Pick<World, "environment">;
  /** The deployable's section of the configuration file. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** `--set auth.name=value` of the command line, by setting name; they win over everything. */
  readonly flags?: Readonly<Record<string, string>> | undefined;
}

const faults = defineFaults("config", {
  invalid: {
    code: "invalid_argument",
    blame: "config",
    retry: "never",
    publicMessage: "The configuration is invalid.",
  },
});

/**
 * Settings of a deployable: defaults < file < environment (`TANDEM_<DEPLOYABLE>__<NAME>`, nested
 * names joined by `__`, any of them also as `…_FILE`) < flags. Throws one `config.invalid` fault
 * that lists every violation with key, value (secrets masked), origin and remedy. The result is
 * frozen all the way down.
 */
export function loadConfig<ConfigSchema extends z.ZodObject>(
  schema: ConfigSchema,
  site: ConfigSource,
): Readonly<z.output<ConfigSchema>> {
  const layers = layerSettings(site.deployable, schema, {
    file: site.settings,
    environment: site.world.environment,
    flags: site.flags ?? {},
  });
  const parsed = schema.safeParse(layers.values);
  const violations = [...layers.violations];
  if (!parsed.success) {
    for (const issue of parsed.error.issues) violations.push(describeIssue(issue, schema, layers));
  }
  if (violations.length > 0 || !parsed.success) throw invalid(site.deployable, violations);
  return freeze(parsed.data);
}

function describeIssue(issue: z.core.$ZodIssue, schema: Schema, layers: Layers): Violation {
  let current: Schema | undefined = schema;
  let value: unknown = layers.values;
  const names: string[] = [];
  for (const segment of issue.path) {
    const next: Schema | undefined = current && stepInto(current, segment);
    names.push(next === undefined ? String(segment) : settingName(String(segment), next));
    value = (value as Readonly<Record<PropertyKey, unknown>> | undefined)?.[segment];
    current = next;
  }
  return {
    name: names.join("."),
    value,
    origin: layers.origins.get(issue.path.join(".")) ?? "tandem.yaml",
    problem: problemOf(issue, value),
    isSecret: current !== undefined && metaOf(current).kind === "secret",
  };
}

function stepInto(schema: Schema, segment: PropertyKey): Schema | undefined {
  const { element, valueType } = definitionOf(unwrapped(schema));
  const shape = shapeOf(schema);
  return (shape === undefined ? undefined : shape[String(segment)]) ?? element ?? valueType;
}

/** What is wrong and what to do, in words that need no knowledge of the schema language. */
function problemOf(issue: z.core.$ZodIssue, value: unknown): string {
  if (issue.code === "invalid_type") {
    return value === undefined
      ? `is missing. Give ${nounOf(issue.expected)}`
      : `has the wrong type. Give ${nounOf(issue.expected)}`;
  }
  if (issue.code === "too_small") return `is too small. Give at least ${issue.minimum}`;
  if (issue.code === "too_big") return `is too large. Give at most ${issue.maximum}`;
  if (issue.code === "invalid_value") {
    const choices = issue.values.map(String).join(", ");
    return value === undefined ? `is missing. Give one of ${choices}` : `is not one of ${choices}`;
  }
  return issue.message;
}

function nounOf(expected: string): string {
  if (expected === "string") return "a text";
  if (expected === "boolean") return "true or false";
  if (expected === "array") return "a list";
  if (expected === "object" || expected === "record") return "a section of settings";
  if (expected === "int") return "a whole number";
  return /^[aeiou]/.test(expected) ? `an ${expected}` : `a ${expected}`;
}

function shown({ value, isSecret }: Violation): string {
  if (value === undefined) return "";
  if (isSecret) return ` = ${new Secret("").toString()}`;
  const json = JSON.stringify(value);
  return ` = ${json.length > 80 ? `${json.slice(0, 79)}…` : json}`;
}

function invalid(deployable: string, violations: readonly Violation[]): Fault {
  const lines = violations.map((violation) => {
    const origin = violation.value === undefined ? "" : ` (${violation.origin})`;
    return `  ${deployable}.${violation.name}${shown(violation)}${origin} ${violation.problem}.`;
  });
  const count = lines.length === 1 ? "1 problem" : `${lines.length} problems`;
  return faults.invalid({
    publicMessage:
      `The configuration of ${deployable} has ${count}; nothing was started.\n` +
      lines.join("\n").replaceAll("?.", "?").replaceAll("..", "."),
    context: { deployable, violations: violations.length },
  });
}

/** Freezes plain objects and lists; what has a life of its own (secrets, maps) is left alone. */
function freeze<Value>(value: Value): Value {
  if (Array.isArray(value)) value.forEach(freeze);
  else if (Object.getPrototypeOf(value ?? 0) === Object.prototype) {
    Object.values(value as object).forEach(freeze);
  } else return value;
  return Object.freeze(value);
}
