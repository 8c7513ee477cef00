import { defaultOf, listSettings, metaOf, type Schema } from "./schema-shape.ts";

/** One line of the reference page. */
export interface SettingDescription {
  /** As in files and flags: `pool.size_max`. */
  readonly name: string;
  readonly variable: string;
  readonly doc: string;
  /** As written, with unit; undefined when the setting is required or simply absent. */
  readonly default: string | undefined;
  readonly min: string | undefined;
  readonly max: string | undefined;
  readonly isSecret: boolean;
}

/** Every setting of a deployable, for generated documentation. */
export function describeSettings(
  deployable: string,
  schema: Schema,
): readonly SettingDescription[] {
  return listSettings(deployable, schema).map((setting) => {
    const { description = "", kind, min, max } = metaOf(setting.schema);
    const fallback = defaultOf(setting.schema);
    return {
      name: setting.name,
      variable: setting.variable,
      doc: description,
      default: typeof fallback === "string" ? fallback : JSON.stringify(fallback),
      min,
      max,
      isSecret: kind === "secret",
    };
  });
}
