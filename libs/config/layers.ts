import { readFileSync } from "node:fs";
import { didYouMean } from "./did-you-mean.ts";
import {
  allowsUnknownKeys,
  definitionOf,
  listSettings,
  metaOf,
  type Schema,
  type Setting,
  settingName,
  shapeOf,
  unwrapped,
} from "./schema-shape.ts";

/** One thing that is wrong with the settings. */
export interface Violation {
  readonly name: string;
  /** Undefined when nothing was given. */
  readonly value: unknown;
  /** "tandem.yaml", "TANDEM_AI__KEY", "--set". */
  readonly origin: string;
  /** What is wrong and what to do, to be read behind the name and value. */
  readonly problem: string;
  readonly isSecret: boolean;
}

/** Settings put together from their sources, still unvalidated, and who said what. */
export interface Layers {
  readonly values: Record<string, unknown>;
  /** By dotted property path. */
  readonly origins: Map<string, string>;
  readonly violations: Violation[];
}

type Plain = Record<string, unknown>;

const secretLike = /key|secret|token|password|pepper/i;

function isPlain(value: unknown): value is Plain {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function unknownName(
  name: string,
  from: { readonly value: unknown; readonly origin: string; readonly known: readonly string[] },
): Violation {
  const near = didYouMean(name, from.known);
  const remedy = near === undefined ? "Remove it" : `Did you mean ${near}?`;
  return {
    name,
    value: from.value,
    origin: from.origin,
    problem: `is no setting. ${remedy}`,
    isSecret: secretLike.test(name),
  };
}

/** Renames the keys of a file's object to the schema's properties, objects in lists included. */
function renameKeys(value: unknown, schema: Schema, into: Layers, prefix: string): unknown {
  const shape = shapeOf(schema);
  const { element, valueType } = definitionOf(unwrapped(schema));
  if (Array.isArray(value) && element !== undefined) {
    return value.map((item, index) => renameKeys(item, element, into, `${prefix}${index}.`));
  }
  // A file's text may stand for a number: what `${PORT}` was replaced with always is one.
  if (typeof value === "string") return coerceText(value, schema);
  if (!isPlain(value)) return value;
  if (shape === undefined) {
    if (valueType === undefined) return value;
    const entries = Object.entries(value);
    return Object.fromEntries(
      entries.map(([key, item]) => [key, renameKeys(item, valueType, into, `${prefix}${key}.`)]),
    );
  }
  const properties = new Map<string, string>();
  for (const [property, inner] of Object.entries(shape)) {
    properties.set(property, property);
    properties.set(settingName(property, inner), property);
  }
  const renamed: Plain = {};
  for (const [key, item] of Object.entries(value)) {
    const property = properties.get(key);
    const inner = property === undefined ? undefined : shape[property];
    if (property !== undefined && inner !== undefined) {
      renamed[property] = renameKeys(item, inner, into, `${prefix}${key}.`);
    } else if (allowsUnknownKeys(schema)) {
      renamed[key] = item;
    } else {
      const known = Object.entries(shape).map(([name, of]) => prefix + settingName(name, of));
      const origin = "tandem.yaml";
      into.violations.push(unknownName(prefix + key, { value: item, origin, known }));
    }
  }
  return renamed;
}

const truths = new Map<string, boolean>([
  ["true", true],
  ["1", true],
  ["yes", true],
  ["on", true],
  ["false", false],
  ["0", false],
  ["no", false],
  ["off", false],
]);

/** A text from the environment as the type that the schema wants; unchanged when it cannot be. */
function coerceText(text: string, schema: Schema): unknown {
  const { type } = definitionOf(unwrapped(schema));
  if (metaOf(schema).kind !== undefined) return text;
  if (type === "number" || type === "int") {
    return text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
  }
  if (type === "boolean") return truths.get(text.trim().toLowerCase()) ?? text;
  if (type === "array" || type === "record" || type === "object" || type === "tuple") {
    try {
      return JSON.parse(text) as unknown;
    } catch {
      return type === "array" ? text.split(",").map((item) => item.trim()) : text;
    }
  }
  return text;
}

function assign(into: Layers, setting: Setting, given: { text: string; origin: string }): void {
  let target = into.values;
  for (const segment of setting.path.slice(0, -1)) {
    const inner = target[segment];
    const next = isPlain(inner) ? inner : {};
    target[segment] = next;
    target = next;
  }
  const coerced = coerceText(given.text, setting.schema);
  target[setting.path.at(-1) ?? ""] = renameKeys(coerced, setting.schema, into, setting.name);
  into.origins.set(setting.path.join("."), given.origin);
}

function addEnvironment(
  into: Layers,
  settings: readonly Setting[],
  source: {
    readonly prefix: string;
    readonly environment: Readonly<Record<string, string | undefined>>;
  },
): void {
  const byVariable = new Map(settings.map((setting) => [setting.variable, setting]));
  for (const [variable, text] of Object.entries(source.environment)) {
    if (text === undefined || !variable.startsWith(source.prefix)) continue;
    const direct = byVariable.get(variable);
    if (direct !== undefined) {
      assign(into, direct, { text, origin: variable });
      continue;
    }
    const inFile = byVariable.get(variable.replace(/_FILE$/, ""));
    if (inFile === undefined) {
      const known = [...byVariable.keys()];
      into.violations.push(unknownName(variable, { value: text, origin: "environment", known }));
    } else {
      addFromFile(into, inFile, { variable, path: text, environment: source.environment });
    }
  }
}

function addFromFile(
  into: Layers,
  setting: Setting,
  from: {
    readonly variable: string;
    readonly path: string;
    readonly environment: Readonly<Record<string, string | undefined>>;
  },
): void {
  const refuse = (problem: string): void => {
    const origin = from.variable;
    into.violations.push({
      name: setting.name,
      value: from.path,
      origin,
      problem,
      isSecret: false,
    });
  };
  if (from.environment[setting.variable] !== undefined) {
    refuse(`is given twice. Unset ${setting.variable} or ${from.variable}`);
    return;
  }
  try {
    const text = readFileSync(from.path, "utf8").trimEnd();
    assign(into, setting, { text, origin: `${from.variable} (${from.path})` });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    refuse(`names a file that cannot be read (${reason}). Correct ${from.variable}`);
  }
}

function addFlags(
  into: Layers,
  settings: readonly Setting[],
  flags: Readonly<Record<string, string>>,
): void {
  const byName = new Map(settings.map((setting) => [setting.name, setting]));
  for (const [name, text] of Object.entries(flags)) {
    const setting = byName.get(name);
    if (setting !== undefined) assign(into, setting, { text, origin: "--set" });
    else {
      const known = [...byName.keys()];
      into.violations.push(unknownName(name, { value: text, origin: "--set", known }));
    }
  }
}

/** Puts file, environment and flags on top of one another; defaults are the schema's own affair. */
export function layerSettings(
  deployable: string,
  schema: Schema,
  sources: {
    readonly file: Readonly<Record<string, unknown>>;
    readonly environment: Readonly<Record<string, string | undefined>>;
    readonly flags: Readonly<Record<string, string>>;
  },
): Layers {
  const layers: Layers = { values: {}, origins: new Map(), violations: [] };
  Object.assign(layers.values, renameKeys(sources.file, schema, layers, ""));
  const settings = listSettings(deployable, schema);
  const prefix = `TANDEM_${deployable.toUpperCase()}__`;
  addEnvironment(layers, settings, { prefix, environment: sources.environment });
  addFlags(layers, settings, sources.flags);
  return layers;
}
