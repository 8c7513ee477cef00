import type { Price, PutPriceRequest } from "@tandem/contracts/rpc/models/v1/models_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { newId, type World } from "@tandem/libs/world";
import type { CatalogueBoard } from "../catalogue-board.ts";
import type { CataloguePrice } from "../core/catalogue.ts";
import { filePricePrefix } from "../core/declared-catalogue.ts";
import { modelsFaults } from "../faults.ts";
import type { CatalogueStore } from "../store/catalogue-store.ts";
import { requireManager, requireName } from "./admit.ts";
import { priceToWire } from "./to-wire.ts";

/**
 * A new price of a model from a moment on, now when none is given. Repeated with the id that the
 * caller chose it changes nothing. Prices of the past are never changed: usage refers to them.
 */
export async function putPrice(
  parts: { store: CatalogueStore; board: CatalogueBoard; world: World },
  request: PutPriceRequest,
  context: CallContext,
): Promise<MessageInit<Price>> {
  requireManager(context);
  const { price } = request;
  if (price === undefined) throw modelsFaults.invalid();
  requireName("A model's id", price.model);
  const isFromFile = ({ id, model }: CataloguePrice): boolean =>
    model === price.model && id.startsWith(filePricePrefix);
  if (parts.board.catalogue.prices.some(isFromFile)) throw modelsFaults.from_file();
  if (price.id.startsWith(filePricePrefix)) throw modelsFaults.invalid();
  if (!/^[A-Z]{3}$/.test(price.currency)) {
    throw modelsFaults.invalid({ publicMessage: 'A currency is an ISO 4217 code like "USD".' });
  }
  const amounts = [
    price.inputNanos,
    price.cachedInputNanos,
    price.outputNanos,
    price.upstreamInputNanos,
    price.upstreamCachedInputNanos,
    price.upstreamOutputNanos,
  ];
  if (amounts.some((amount) => amount < 0n)) {
    throw modelsFaults.invalid({ publicMessage: "A price is not negative." });
  }
  const { world } = parts;
  const stored: CataloguePrice = {
    ...price,
    id: price.id === "" ? newId(world, "prc") : price.id,
    validFromMs: price.validFromMs === 0n ? world.clock.nowMs() : Number(price.validFromMs),
    validUntilMs: 0,
  };
  await parts.store.putPrice(stored);
  await parts.board.refresh();
  return priceToWire(stored);
}
