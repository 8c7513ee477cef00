/**
 * Usage in the form of FOCUS 1.2, the FinOps Open Cost and Usage Specification
 * (https://focus.finops.org). One row an hour, key, model, price and meter. Credit is paid before it
 * is used, so these rows bill nothing (`BilledCost` 0) and carry the cost as `EffectiveCost`; what
 * was bought has rows of its own (`focus-purchase.ts`).
 */
import { formatNanos } from "@tandem/libs/kernel";
import type { SeriesFields } from "./fact.ts";
import { splitCharge } from "./split-charge.ts";
import { stepMs } from "./steps.ts";

/** The specification's columns in its order, and then our own. */
export const focusColumns = [
  "AvailabilityZone",
  "BilledCost",
  "BillingAccountId",
  "BillingAccountName",
  "BillingAccountType",
  "BillingCurrency",
  "BillingPeriodEnd",
  "BillingPeriodStart",
  "CapacityReservationId",
  "CapacityReservationStatus",
  "ChargeCategory",
  "ChargeClass",
  "ChargeDescription",
  "ChargeFrequency",
  "ChargePeriodEnd",
  "ChargePeriodStart",
  "CommitmentDiscountCategory",
  "CommitmentDiscountId",
  "CommitmentDiscountName",
  "CommitmentDiscountQuantity",
  "CommitmentDiscountStatus",
  "CommitmentDiscountType",
  "CommitmentDiscountUnit",
  "ConsumedQuantity",
  "ConsumedUnit",
  "ContractedCost",
  "ContractedUnitPrice",
  "EffectiveCost",
  "InvoiceId",
  "InvoiceIssuerName",
  "ListCost",
  "ListUnitPrice",
  "PricingCategory",
  "PricingCurrency",
  "PricingCurrencyContractedUnitPrice",
  "PricingCurrencyEffectiveCost",
  "PricingCurrencyListUnitPrice",
  "PricingQuantity",
  "PricingUnit",
  "ProviderName",
  "PublisherName",
  "RegionId",
  "RegionName",
  "ResourceId",
  "ResourceName",
  "ResourceType",
  "ServiceCategory",
  "ServiceName",
  "ServiceSubcategory",
  "SkuId",
  "SkuMeter",
  "SkuPriceDetails",
  "SkuPriceId",
  "SubAccountId",
  "SubAccountName",
  "SubAccountType",
  "Tags",
  "x_Cursor",
  "x_KeyId",
  "x_Model",
  "x_Requests",
  "x_Upstream",
  "x_UserId",
] as const;

export type FocusColumn = (typeof focusColumns)[number];
export type FocusRow = Partial<Record<FocusColumn, string>>;

/** One series in one hour. */
export interface HourOfSeries extends SeriesFields {
  readonly atMs: number;
  readonly requests: bigint;
  readonly inputTokens: bigint;
  readonly cachedInputTokens: bigint;
  readonly outputTokens: bigint;
  readonly chargedNanos: bigint;
  /** Where an export can go on behind this hour of this series. */
  readonly cursor: string;
}

interface Meter {
  readonly name: string;
  readonly tokens: bigint;
  readonly price: bigint;
}

/** The rows of an hour: one for each meter that counted anything. */
export function focusRows(hour: HourOfSeries): readonly FocusRow[] {
  const meters: readonly Meter[] = [
    {
      name: "Input Tokens",
      tokens: hour.inputTokens - hour.cachedInputTokens,
      price: hour.inputPrice,
    },
    {
      name: "Cached Input Tokens",
      tokens: hour.cachedInputTokens,
      price: hour.cachedInputPrice,
    },
    { name: "Output Tokens", tokens: hour.outputTokens, price: hour.outputPrice },
  ];
  const parts = splitCharge(hour.chargedNanos, meters);
  if (parts === undefined) return [unpricedRow(hour)];
  const rows: FocusRow[] = [];
  for (const [index, meter] of meters.entries()) {
    if (meter.tokens === 0n) continue;
    // The requests stand in the first row alone, so that their sum is right.
    const requests = rows.length === 0 ? hour.requests : 0n;
    rows.push(meterRow(hour, { meter, costNanos: parts[index] ?? 0n, requests }));
  }
  return rows;
}

function meterRow(
  hour: HourOfSeries,
  given: { readonly meter: Meter; readonly costNanos: bigint; readonly requests: bigint },
): FocusRow {
  const { meter, costNanos, requests } = given;
  const unitPrice = decimalOf(meter.price, 15);
  // Millionths of nanos: exact, where the cost charged is rounded up once a request.
  const listCost = decimalOf(meter.tokens * meter.price, 15);
  return {
    ...commonColumns(hour),
    ChargeDescription: `${meter.name} of ${hour.model}`,
    ConsumedQuantity: String(meter.tokens),
    ConsumedUnit: "Tokens",
    PricingQuantity: decimalOf(meter.tokens, 6),
    PricingUnit: "1M Tokens",
    ListUnitPrice: unitPriceOf(meter.price),
    ContractedUnitPrice: unitPriceOf(meter.price),
    PricingCurrencyListUnitPrice: unitPriceOf(meter.price),
    PricingCurrencyContractedUnitPrice: unitPriceOf(meter.price),
    ListCost: listCost,
    ContractedCost: listCost,
    ...effective(costNanos),
    SkuId: `${hour.model}/${meter.name}`,
    SkuMeter: meter.name,
    SkuPriceDetails: JSON.stringify({ x_PricePerToken: unitPrice }),
    x_Requests: String(requests),
  };
}

/** A charge whose price was not told: whole, by request, so that sums are right all the same. */
function unpricedRow(hour: HourOfSeries): FocusRow {
  const cost = formatNanos(hour.chargedNanos);
  return {
    ...commonColumns(hour),
    ChargeDescription: `Requests to ${hour.model}`,
    ConsumedQuantity: String(hour.requests),
    ConsumedUnit: "Requests",
    PricingQuantity: String(hour.requests),
    PricingUnit: "Requests",
    ListCost: cost,
    ContractedCost: cost,
    ...effective(hour.chargedNanos),
    SkuId: `${hour.model}/Requests`,
    SkuMeter: "Requests",
    x_Requests: String(hour.requests),
  };
}

function effective(costNanos: bigint): FocusRow {
  const cost = formatNanos(costNanos);
  return { EffectiveCost: cost, PricingCurrencyEffectiveCost: cost };
}

function commonColumns(hour: HourOfSeries): FocusRow {
  const month = new Date(hour.atMs);
  const year = month.getUTCFullYear();
  return {
    BilledCost: "0.00",
    BillingAccountId: hour.organisationId,
    BillingAccountType: "Organisation",
    BillingCurrency: hour.currency,
    BillingPeriodStart: timeOf(Date.UTC(year, month.getUTCMonth(), 1)),
    BillingPeriodEnd: timeOf(Date.UTC(year, month.getUTCMonth() + 1, 1)),
    ChargeCategory: "Usage",
    ChargeFrequency: "Usage-Based",
    ChargePeriodStart: timeOf(hour.atMs),
    ChargePeriodEnd: timeOf(hour.atMs + stepMs.hour),
    InvoiceIssuerName: "Tandem",
    PricingCategory: "Standard",
    PricingCurrency: hour.currency,
    ProviderName: "Tandem",
    PublisherName: hour.upstream || "Tandem",
    ...(hour.keyId !== "" && {
      ResourceId: hour.keyId,
      ResourceName: hour.keyId,
      ResourceType: "API key",
      x_KeyId: hour.keyId,
    }),
    ServiceCategory: "AI and Machine Learning",
    ServiceName: "Tandem",
    ServiceSubcategory: "Generative AI",
    ...(hour.priceId !== "" && { SkuPriceId: hour.priceId }),
    ...(hour.projectId !== "" && {
      SubAccountId: hour.projectId,
      SubAccountType: "Project",
    }),
    Tags: "{}",
    x_Cursor: hour.cursor,
    x_Model: hour.model,
    x_Upstream: hour.upstream,
    x_UserId: hour.userId,
  };
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString().replace(".000Z", "Z");
}

/** Of a million tokens, which is the unit that prices are in. */
function unitPriceOf(nanosPerMillion: bigint): string {
  return formatNanos(nanosPerMillion);
}

/** `value` × 10^-digits, exactly, without zeros at its end. */
export function decimalOf(value: bigint, digits: number): string {
  const text = String(value).padStart(digits + 1, "0");
  const fraction = text.slice(-digits).replace(/0+$/, "");
  const whole = text.slice(0, -digits);
  return fraction === "" ? whole : `${whole}.${fraction}`;
}
