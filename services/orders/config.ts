import { count, text } from "@tandem/libs/config";
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

export type ConfiguredProduct = z.output<typeof product>;

export const configSchema = z.strictObject({
  products: z
    .array(product)
    .max(100)
    .default([])
    .meta({ description: "Plans and credit packs that every organisation may order." }),
  databaseConnections: count({
    doc: "Connections to the database, at most.",
    default: 6,
    min: 2,
    max: 100,
  }),
});

export type Config = z.output<typeof configSchema>;
