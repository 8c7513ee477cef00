/**
 * What was bought, in the form of FOCUS 1.2: a row of the category `Purchase` bills what was paid
 * for credit, and one of `Tax` the tax on it. Neither has an effective cost, which usage has as it
 * goes; so the sum of `BilledCost` is what was paid, that of `EffectiveCost` what was used. What
 * was paid back is a correction of the purchase, and negative.
 */
import { formatNanos } from "@tandem/libs/kernel";
import type { FocusRow } from "./focus.ts";

export interface Purchase {
  readonly organisationId: string;
  readonly atMs: number;
  readonly reference: string;
  readonly description: string;
  readonly quantity: number;
  /** Of a refund these are negative. */
  readonly netNanos: bigint;
  readonly taxNanos: bigint;
  readonly currency: string;
  readonly creditNanos: bigint;
  readonly creditCurrency: string;
}

const dayMs = 86_400_000;

export function purchaseRows(purchase: Purchase): readonly FocusRow[] {
  const { netNanos, taxNanos, description, quantity, creditNanos, creditCurrency } = purchase;
  const net = formatNanos(netNanos);
  const bought: FocusRow = {
    ...commonColumns(purchase),
    BilledCost: net,
    ContractedCost: net,
    ListCost: net,
    ChargeCategory: "Purchase",
    ChargeDescription: `${description}: credit of ${formatNanos(creditNanos)} ${creditCurrency}`,
    PricingCategory: "Standard",
    PricingQuantity: String(quantity),
    PricingUnit: "Credit Packs",
    SkuId: description,
  };
  if (taxNanos === 0n) return [bought];
  const tax = formatNanos(taxNanos);
  const taxed: FocusRow = {
    ...commonColumns(purchase),
    BilledCost: tax,
    ContractedCost: tax,
    ListCost: tax,
    ChargeCategory: "Tax",
    ChargeDescription: `Tax on ${description}`,
  };
  return [bought, taxed];
}

function commonColumns(purchase: Purchase): FocusRow {
  const { organisationId, atMs, currency, netNanos, reference } = purchase;
  const at = new Date(atMs);
  const [year, month] = [at.getUTCFullYear(), at.getUTCMonth()];
  const startMs = Math.floor(atMs / dayMs) * dayMs;
  return {
    BillingAccountId: organisationId,
    BillingAccountType: "Organisation",
    BillingCurrency: currency,
    BillingPeriodStart: timeOf(Date.UTC(year, month)),
    BillingPeriodEnd: timeOf(Date.UTC(year, month + 1)),
    ...(netNanos < 0n && { ChargeClass: "Correction" }),
    ChargeFrequency: "One-Time",
    ChargePeriodStart: timeOf(startMs),
    ChargePeriodEnd: timeOf(startMs + dayMs),
    EffectiveCost: "0.00",
    InvoiceId: reference,
    InvoiceIssuerName: "Tandem",
    PricingCurrency: currency,
    PricingCurrencyEffectiveCost: "0.00",
    ProviderName: "Tandem",
    PublisherName: "Tandem",
    ServiceCategory: "AI and Machine Learning",
    ServiceName: "Tandem",
    ServiceSubcategory: "Generative AI",
  };
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}
