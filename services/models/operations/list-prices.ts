import type {
  ListPricesRequest,
  ListPricesResponse,
} from "@tandem/contracts/rpc/models/v1/models_pb";
import type { MessageInit } from "@tandem/libs/rpc";
import type { CatalogueBoard } from "../catalogue-board.ts";
import { priceToWire } from "./to-wire.ts";

/** Every price of a model, those of the past included; of all models when none is named. */
export function listPrices(
  board: CatalogueBoard,
  request: ListPricesRequest,
): MessageInit<ListPricesResponse> {
  const prices = board.catalogue.prices.filter(
    (price) => request.model === "" || price.model === request.model,
  );
  return { prices: prices.map(priceToWire) };
}
