import { count, duration, secret, section, text } from "@tandem/libs/config";
import { z } from "zod";

const amount = (doc: string, example: string) =>
  text({ doc, pattern: /^\d{1,9}(\.\d{1,9})?$/, example });
const currency = (doc: string) =>
  text({ doc, default: "USD", pattern: /^[A-Z]{3}$/, example: "USD" });

const product = z.strictObject({
  key: text({
    doc: "Names it for ever; a changed entry with the same key is its next version.",
    pattern: /^[a-z0-9-]{1,40}$/,
    example: "starter",
  }),
  kind: z.enum(["pack", "plan"]).default("pack").meta({ description: "Once, or for a time." }),
  name: text({ doc: "For people." }),
  description: text({ doc: "A sentence for people.", default: "" }),
  price: amount("Without tax.", "10.00"),
  currency: currency("Of the price."),
  taxPercent: text({
    doc: "Added to the price.",
    default: "0",
    pattern: /^\d{1,2}(\.\d{1,4})?$/,
    example: "19",
  }),
  credit: amount("What the wallet gets.", "10.00"),
  creditCurrency: currency("Of the credit."),
  validDays: count({
    doc: "How long the credit lasts from the payment; 0: for ever.",
    default: 0,
    min: 0,
    max: 3_650,
  }),
});

const payments = section({
  provider: z.enum(["manual", "stripe", "none"]).default("manual").meta({
    description: "Who takes the money: finance by hand, a provider, or nobody.",
  }),
  instructions: text({
    doc: "What buyers are told to do; {reference} is what they have to write on the transfer.",
    default: "Transfer the total with the reference {reference}. Credit follows once it is there.",
  }),
  approvalAbove: text({
    doc: "Manual payments above this total need a second person; empty for none.",
    default: "",
    pattern: /^(\d{1,9}(\.\d{1,9})?)?$/,
    example: "1000",
  }),
  validMs: duration({
    doc: "How long an order waits for its payment.",
    default: "24h",
    min: "1m",
    max: "2160h",
  }),
  openOrdersMax: count({
    doc: "Orders of one organisation that may wait for payment at once.",
    default: 100,
    min: 1,
    max: 100_000,
  }),
  stripe: section({
    baseUrl: text({
      doc: "Where the provider's API is.",
      default: "https://api.stripe.com",
      pattern: /^https?:\/\/[^\s/]+/,
      example: "https://api.stripe.com",
    }),
    secretKey: secret({ doc: "The provider's API key." }).optional(),
    webhookSecret: secret({ doc: "What its events are signed with." }).optional(),
    returnUrl: text({ doc: "Where its page sends the buyer afterwards.", default: "" }),
  }),
});

export type ConfiguredProduct = z.output<typeof product>;

export const configSchema = z.strictObject({
  products: z
    .array(product)
    .max(100)
    .default([])
    .meta({ description: "Plans and credit packs that every organisation may order." }),
  payments,
  upkeepPeriodMs: duration({
    doc: "How often unpaid orders, unfinished payments and their provider are looked after.",
    default: "5s",
    min: "100ms",
    max: "10m",
  }),
  reconcilePeriodMs: duration({
    doc: "How often the provider's payments are compared with ours.",
    default: "24h",
    min: "1s",
    max: "168h",
  }),
  databaseConnections: count({
    doc: "Connections to the database, at most.",
    default: 6,
    min: 2,
    max: 100,
  }),
});

export type Config = z.output<typeof configSchema>;
