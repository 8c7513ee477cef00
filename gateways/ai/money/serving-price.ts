import type { CatalogueModel } from "../core/catalogue/catalogue.ts";
import type { ModelPrice } from "../core/money/charge.ts";
import { aiFaults } from "../faults.ts";
import type { AiParts } from "../parts.ts";

/** What prices are decided by. */
type Priced = Pick<AiParts, "catalogue" | "upstreams" | "world">;

function isOnOwnHardware(model: CatalogueModel, { upstreams }: Priced): boolean {
  return upstreams.targetsOf(model).every(({ upstream }) => upstream.profile.isOwnHardware);
}

/** Whether it is known what the model costs; one that runs on own hardware alone costs nothing. */
export function isPriced(model: CatalogueModel | undefined, parts: Priced): boolean {
  if (model === undefined) return false;
  const price = parts.catalogue.current.priceOf(model.id, parts.world.clock.nowMs());
  return price !== undefined || isOnOwnHardware(model, parts);
}

/**
 * The price at which the model is served now; undefined for nothing at all. Throws
 * `ai.model_unpriced` for a provider's model whose price nobody has set: served for nothing, it
 * would be paid by the operator alone, and nobody would notice.
 */
export function servingPrice(model: CatalogueModel, parts: Priced): ModelPrice | undefined {
  const price = parts.catalogue.current.priceOf(model.id, parts.world.clock.nowMs());
  if (price !== undefined || isOnOwnHardware(model, parts)) return price;
  throw aiFaults.model_unpriced({
    publicMessage:
      `The model ${model.id} has no price, so it is not served. An operator of the platform sets ` +
      `one, 0 for nothing: POST /api/v1/models/${encodeURIComponent(model.id)}/prices, or ` +
      "`price` of the model in the configuration file.",
    context: { parameter: "model" },
  });
}
