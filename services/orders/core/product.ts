/** What a plan or credit pack has to be. Pure: rules of form, and nothing of who asks. */
export type ProductKind = "pack" | "plan";

export interface ProductTerms {
  readonly kind: ProductKind;
  readonly name: string;
  readonly description: string;
  readonly priceNanos: bigint;
  readonly currency: string;
  readonly taxPpm: number;
  readonly creditNanos: bigint;
  readonly creditCurrency: string;
  readonly validDays: number;
}

/** A million units: what a slip of the keyboard should not exceed. */
export const amountMax = 10n ** 15n;
const nameLengthMax = 100;
const descriptionLengthMax = 500;
const validDaysMax = 3_650;
const million = 1_000_000;
const currency = /^[A-Z]{3}$/;
const controls = /\p{Cc}/u;

/** The first thing that is wrong with these terms, as a sentence for whoever wrote them. */
export function problemOf(terms: ProductTerms): string | undefined {
  const { name, description, priceNanos, creditNanos } = terms;
  const isText = name.trim() !== "" && !controls.test(name) && !controls.test(description);
  if (!isText || name.length > nameLengthMax || description.length > descriptionLengthMax) {
    return "The name has 1 to 100 characters, the description at most 500, none of them control.";
  }
  if (priceNanos < 1n || priceNanos > amountMax || creditNanos < 1n || creditNanos > amountMax) {
    return "Price and credit are more than 0 and at most 1,000,000 units.";
  }
  if (!currency.test(terms.currency) || !currency.test(terms.creditCurrency)) {
    return 'A currency is an ISO 4217 code like "USD".';
  }
  if (terms.taxPpm < 0 || terms.taxPpm > million) return "The tax is 0 to 100 percent.";
  if (terms.validDays > validDaysMax) return "Credit lasts at most ten years, or for ever.";
  if (terms.kind === "plan" && terms.validDays === 0) {
    return "A plan's credit lasts for its period: give it days.";
  }
  return undefined;
}

/** Whether two versions would be the same offer. */
export function areSameTerms(left: ProductTerms, right: ProductTerms): boolean {
  return (
    left.kind === right.kind &&
    left.name === right.name &&
    left.description === right.description &&
    left.priceNanos === right.priceNanos &&
    left.currency === right.currency &&
    left.taxPpm === right.taxPpm &&
    left.creditNanos === right.creditNanos &&
    left.creditCurrency === right.creditCurrency &&
    left.validDays === right.validDays
  );
}
