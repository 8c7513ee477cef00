/**
 * The words that the management plane's messages are made of: prefixed ids, times in RFC 3339 UTC,
 * money as decimal text with its currency, pages by cursor. One definition each, so that every
 * route spells them alike.
 */
import { z } from "zod";
import { formatNanos, type IdPrefix, isId, parseNanos } from "../../kernel/index.ts";

const nothingButText = /^[^\p{Cc}\p{Cs}]*$/u;
const decimalAmount = /^[0-9]{1,12}(\.[0-9]{1,9})?$/;

/** An id of one kind of thing: `prj_…`. */
export function idField(prefix: IdPrefix) {
  return z
    .string()
    .max(64)
    .regex(new RegExp(`^${prefix}_[0-9a-hjkmnp-tv-z]{26}$`), `must be an id like ${prefix}_…`)
    .refine((value) => isId(prefix, value));
}

/** One line of text without control characters; blanks at the ends are cut off. */
export function lineField({ min = 1, max }: { readonly min?: number; readonly max: number }) {
  return z
    .string()
    .max(max * 4)
    .trim()
    .min(min)
    .max(max)
    .regex(nothingButText, "must not hold control characters");
}

export const emailField = z.string().trim().max(254).pipe(z.email());

/** Milliseconds since 1970 → RFC 3339; 0, which services send for "never", → null. */
export function timeOf(ms: bigint): string | null {
  return ms === 0n ? null : new Date(Number(ms)).toISOString();
}

export const timeField = z.iso.datetime().meta({ description: "RFC 3339, UTC." });

/** RFC 3339 with any offset → milliseconds since 1970. */
export const timeInput = z.iso
  .datetime({ offset: true })
  .transform((value) => BigInt(Date.parse(value)));

/** ISO 4217, or the operator's own three to eight letters for credits. */
export const currencyField = z.string().regex(/^[A-Z]{3,8}$/, "must be a currency like USD");

export const moneyField = z
  .strictObject({
    amount: z.string().meta({ description: "Decimal number.", examples: ["12.50"] }),
    currency: currencyField,
  })
  .meta({ id: "Money" });

export function moneyOf(nanos: bigint, currency: string): z.input<typeof moneyField> {
  return { amount: formatNanos(nanos), currency };
}

/** A decimal amount ≥ 0, with at most nine digits behind the point, as nanos. */
export const amountInput = z
  .string()
  .max(32)
  .regex(decimalAmount, 'must be an amount like "12.50"')
  .transform(parseNanos);

/** A whole number in a query string. */
export function integerQuery(options: {
  readonly min: number;
  readonly max: number;
  readonly default: number;
}) {
  const { min, max } = options;
  return z
    .string()
    .regex(/^[0-9]{1,9}$/, "must be a whole number")
    .transform(Number)
    .pipe(z.int().min(min).max(max))
    .default(options.default)
    .meta({ parameter: { type: "integer", minimum: min, maximum: max, default: options.default } });
}
