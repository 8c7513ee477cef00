import { z } from "zod";
import { Secret } from "../kernel/index.ts";
import { parseDuration, parseSize } from "./units.ts";

interface Quantity {
  /** One sentence for the reference page: what it decides, and what happens at the limit. */
  readonly doc: string;
  /** With unit: "20s", "10MiB". Required in the file when absent here. */
  readonly default?: string;
  readonly min: string;
  readonly max: string;
}

interface QuantityKind {
  readonly kind: "duration" | "size";
  readonly example: string;
  readonly parse: (text: string) => number | undefined;
}

function quantity(options: Quantity, { kind, example, parse }: QuantityKind): z.ZodType<number> {
  const { doc, min, max } = options;
  const lowest = parse(min) ?? 0;
  const highest = parse(max) ?? Number.MAX_SAFE_INTEGER;
  const schema = z.unknown().transform((value, context) => {
    const fail = (message: string): never => {
      context.issues.push({ code: "custom", message, input: value });
      return z.NEVER;
    };
    if (value === undefined) return fail(`is missing. Give a ${kind} like "${example}"`);
    const parsed = value === 0 ? 0 : typeof value === "string" ? parse(value) : undefined;
    if (parsed === undefined) return fail(`is no ${kind} with a unit. Write it like "${example}"`);
    if (parsed < lowest) return fail(`is too small. Give at least ${min}`);
    if (parsed > highest) return fail(`is too large. Give at most ${max}`);
    return parsed;
  });
  const described = schema.meta({ description: doc, kind, min, max });
  return options.default === undefined ? described : described.prefault(options.default);
}

/** A duration written with its unit ("20s", "1m30s"), read as milliseconds: `xTimeoutMs`. */
export function duration(options: Quantity): z.ZodType<number> {
  return quantity(options, { kind: "duration", example: "20s", parse: parseDuration });
}

/** A size written with its unit ("10MiB"), read as bytes: `bodyLimitBytes`. */
export function size(options: Quantity): z.ZodType<number> {
  return quantity(options, { kind: "size", example: "10MiB", parse: parseSize });
}

/** A whole number within bounds. */
export function count(options: {
  readonly doc: string;
  readonly default?: number;
  readonly min: number;
  readonly max: number;
}): z.ZodType<number> {
  const { doc, min, max } = options;
  const schema = z
    .int()
    .min(min)
    .max(max)
    .meta({ description: doc, min: `${min}`, max: `${max}` });
  return options.default === undefined ? schema : schema.default(options.default);
}

/** True or false. */
export function toggle(options: {
  readonly doc: string;
  readonly default: boolean;
}): z.ZodType<boolean> {
  return z.boolean().meta({ description: options.doc }).default(options.default);
}

/** A line of text; with a pattern, `example` shows what fits it. */
export function text(options: {
  readonly doc: string;
  readonly default?: string;
  readonly pattern?: RegExp;
  readonly example?: string;
}): z.ZodType<string> {
  const { doc, pattern, example } = options;
  const hint = example === undefined ? "" : `. Write it like "${example}"`;
  const plain = z.string().max(4096);
  const checked = pattern === undefined ? plain : plain.regex(pattern, `has the wrong form${hint}`);
  const schema = checked.meta({ description: doc });
  return options.default === undefined ? schema : schema.default(options.default);
}

/** A value never shown in logs or errors. Also read from a file: `TANDEM_AI__KEY_FILE=/run/…`. */
export function secret(options: { readonly doc: string }): z.ZodType<Secret> {
  return z
    .string()
    .min(1)
    .transform((value) => new Secret(value))
    .meta({ description: options.doc, kind: "secret" });
}

/** Settings that belong together, nested under one name; absent means all its defaults. */
export function section<Shape extends z.core.$ZodLooseShape>(
  shape: Shape,
): z.ZodPrefault<z.ZodObject<Shape, z.core.$strict>> {
  // An empty section is valid input exactly when every setting has a default; else loading says so.
  const whole: z.ZodObject<Shape, z.core.$strict> = z.strictObject(shape);
  return whole.prefault({} as never);
}
