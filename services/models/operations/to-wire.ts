/** Between this service's words and the contract's. */
import type { Model, Price, Rule } from "@tandem/contracts/rpc/models/v1/models_pb";
import type { MessageInit } from "@tandem/libs/rpc";
import type { CatalogueModel, CataloguePrice, CatalogueRule } from "../core/catalogue.ts";

export function modelToWire(model: CatalogueModel): MessageInit<Model> {
  return {
    ...model,
    capabilities: [...model.capabilities],
    targets: [...model.targets],
    domains: [...model.domains],
    languages: [...model.languages],
    createdAtMs: BigInt(model.createdAtMs),
  };
}

export function priceToWire(price: CataloguePrice): MessageInit<Price> {
  return {
    ...price,
    validFromMs: BigInt(price.validFromMs),
    validUntilMs: BigInt(price.validUntilMs),
  };
}

export function ruleToWire(rule: CatalogueRule): MessageInit<Rule> {
  return {
    ...rule,
    kinds: [...rule.kinds],
    languages: [...rule.languages],
    domains: [...rule.domains],
  };
}
