import { z } from "zod";

/** What helpers of this lib note on a schema; zod carries it through `.default()` and the like. */
export interface SettingMeta {
  readonly description?: string;
  readonly kind?: "duration" | "size" | "secret";
  /** Bounds as written, for the reference page. */
  readonly min?: string;
  readonly max?: string;
}

export type Schema = z.core.$ZodType;

interface SchemaDefinition {
  readonly type: string;
  readonly innerType?: Schema;
  readonly in?: Schema;
  readonly out?: Schema;
  readonly element?: Schema;
  readonly valueType?: Schema;
  readonly shape?: Readonly<Record<string, Schema>>;
  readonly catchall?: Schema;
  readonly defaultValue?: unknown;
}

/** One setting as the schema knows it, named as people write it. */
export interface Setting {
  /** Property names in the schema: `["pool", "sizeMax"]`. */
  readonly path: readonly string[];
  /** As in files and flags: `pool.size_max`. */
  readonly name: string;
  /** `TANDEM_AUTH__POOL__SIZE_MAX`. */
  readonly variable: string;
  readonly schema: Schema;
}

export function definitionOf(schema: Schema): SchemaDefinition {
  return schema._zod.def as unknown as SchemaDefinition;
}

/** The schema below `.default()`, `.optional()`, `.transform()` and their kin. */
export function unwrapped(schema: Schema): Schema {
  const { type, innerType, in: input } = definitionOf(schema);
  if (innerType !== undefined && type !== "array") return unwrapped(innerType);
  if (type === "pipe" && input !== undefined) return unwrapped(input);
  return schema;
}

/** What was noted on this schema or on those it wraps, the outermost note winning. */
export function metaOf(schema: Schema): SettingMeta {
  const { innerType, in: input, out } = definitionOf(schema);
  const below = innerType ?? input;
  return {
    ...(out === undefined ? {} : metaOf(out)),
    ...(below === undefined ? {} : metaOf(below)),
    ...(z.globalRegistry.get(schema) as SettingMeta | undefined),
  };
}

/** The default in the form in which it is written; undefined when the setting is required. */
export function defaultOf(schema: Schema): unknown {
  const { innerType, defaultValue } = definitionOf(schema);
  if (defaultValue !== undefined) return defaultValue;
  return innerType === undefined ? undefined : defaultOf(innerType);
}

/** The settings inside an object schema by property name; undefined for any other schema. */
export function shapeOf(schema: Schema): Readonly<Record<string, Schema>> | undefined {
  return definitionOf(unwrapped(schema)).shape;
}

/** True for an object schema that lets keys through which it does not name. */
export function allowsUnknownKeys(schema: Schema): boolean {
  const { catchall } = definitionOf(unwrapped(schema));
  return catchall !== undefined && definitionOf(catchall).type !== "never";
}

/** `firstTokenTimeoutMs` with a duration's schema → `first_token_timeout`: values carry the unit. */
export function settingName(property: string, schema: Schema): string {
  const { kind } = metaOf(schema);
  let bare = property;
  if (kind === "duration") bare = property.replace(/Ms$/, "");
  if (kind === "size") bare = property.replace(/Bytes$/, "");
  return bare.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** Every setting of a deployable, nested ones in the order in which the schema lists them. */
export function listSettings(
  deployable: string,
  schema: Schema,
  parents: { readonly path: readonly string[]; readonly names: readonly string[] } = {
    path: [],
    names: [],
  },
): readonly Setting[] {
  const settings: Setting[] = [];
  for (const [property, inner] of Object.entries(shapeOf(schema) ?? {})) {
    const path = [...parents.path, property];
    const names = [...parents.names, settingName(property, inner)];
    if (shapeOf(inner) !== undefined) {
      settings.push(...listSettings(deployable, inner, { path, names }));
      continue;
    }
    settings.push({
      path,
      name: names.join("."),
      variable: `TANDEM_${[deployable, ...names].join("__").toUpperCase()}`,
      schema: inner,
    });
  }
  return settings;
}
