/** What the configuration file declares, in the catalogue's own words. */
import { parseNanos } from "@tandem/libs/kernel";
import type { Config } from "../config.ts";
import type { CatalogueSources } from "./catalogue.ts";

const nanos = (amount: string | undefined, otherwise: bigint): bigint =>
  amount === undefined ? otherwise : parseNanos(amount);

/** What the ids of prices begin with that only the file may change. */
export const filePricePrefix = "file:";

export function declaredCatalogue(config: Config): Omit<CatalogueSources, "discoveries"> {
  return {
    models: config.models.map(({ price: _price, ...model }) => ({
      ...model,
      displayName: model.displayName === "" ? model.id : model.displayName,
      source: "file" as const,
      enabled: true,
      createdAtMs: 0,
      version: 0n,
    })),
    prices: config.models.flatMap(({ id, price }) => {
      if (price === undefined) return [];
      const inputNanos = parseNanos(price.inputPerMillion);
      const cachedInputNanos = nanos(price.cachedInputPerMillion, inputNanos);
      const outputNanos = parseNanos(price.outputPerMillion);
      const upstreamInputNanos = nanos(price.upstreamInputPerMillion, 0n);
      return [
        {
          id: filePriceId(id, [inputNanos, cachedInputNanos, outputNanos]),
          model: id,
          currency: price.currency,
          inputNanos,
          cachedInputNanos,
          outputNanos,
          upstreamInputNanos,
          upstreamCachedInputNanos: nanos(price.upstreamCachedInputPerMillion, upstreamInputNanos),
          upstreamOutputNanos: nanos(price.upstreamOutputPerMillion, 0n),
          validFromMs: 0,
          validUntilMs: 0,
        },
      ];
    }),
    aliases: Object.entries(config.aliases).map(([name, model]) => ({ name, model })),
    rules: config.rules.map((rule, order) => ({ ...rule, order })),
    defaultModel: config.defaultModel,
  };
}

/** Usage refers to a price by its id, so a price that changes in the file is another one. */
function filePriceId(model: string, amounts: readonly bigint[]): string {
  return `${filePricePrefix}${model}:${amounts.join("-")}`;
}
