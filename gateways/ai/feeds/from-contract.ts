/** Snapshots of the services in the gateway's own words; the only place that knows both. */
import type { RuleSnapshot } from "@tandem/contracts/rpc/articles/v1/articles_pb";
import type { UpstreamSnapshot } from "@tandem/contracts/rpc/inference/v1/inference_pb";
import type {
  Catalogue as WireCatalogue,
  Model as WireModel,
  Price as WirePrice,
} from "@tandem/contracts/rpc/models/v1/models_pb";
import { Catalogue, type CatalogueModel, type PriceEntry } from "../core/catalogue/catalogue.ts";
import { ArticleRules } from "../core/context/article-rules.ts";
import { isFreePrice } from "../core/money/charge.ts";
import type { UpstreamsSnapshot } from "../upstream/upstream-settings.ts";

export function articleRulesFromContract({ rules }: RuleSnapshot): ArticleRules {
  return new ArticleRules(rules.map(({ $typeName: _, version: __, ...rule }) => rule));
}

export function catalogueFromContract(message: WireCatalogue): Catalogue {
  return new Catalogue({
    version: message.version,
    models: message.models.filter(({ enabled }) => enabled).map(modelOf),
    prices: message.prices.map(priceOf),
    aliases: new Map(message.aliases.map(({ name, model }) => [name, model])),
    rules: message.rules.map(({ $typeName: _, ...rule }) => rule),
    defaultModel: message.defaultModel,
  });
}

function modelOf(model: WireModel): CatalogueModel {
  return {
    id: model.id,
    displayName: model.displayName,
    ownedBy: model.ownedBy,
    contextTokens: model.contextTokens,
    maxOutputTokens: model.maxOutputTokens,
    capabilities: new Set(model.capabilities),
    targets: model.targets.map(({ upstream, model: name, weight, order }) => ({
      upstream,
      model: name,
      weight: weight === 0 ? 1 : weight,
      order,
    })),
    languages: model.languages,
    domains: model.domains,
    createdAtMs: Number(model.createdAtMs),
  };
}

function priceOf(price: WirePrice): PriceEntry {
  const charged = {
    inputNanos: price.inputNanos,
    cachedInputNanos: price.cachedInputNanos,
    outputNanos: price.outputNanos,
  };
  const upstream = {
    inputNanos: price.upstreamInputNanos,
    cachedInputNanos: price.upstreamCachedInputNanos,
    outputNanos: price.upstreamOutputNanos,
  };
  return {
    model: price.model,
    price: {
      id: price.id,
      currency: price.currency,
      charged,
      upstream,
      isFree: isFreePrice(charged),
      isUpstreamFree: isFreePrice(upstream),
    },
    validFromMs: Number(price.validFromMs),
    validUntilMs: Number(price.validUntilMs),
  };
}

/** What an upstream is given when the service says nothing. */
const timeouts = { firstTokenMs: 60_000, idleMs: 60_000, totalMs: 600_000 };

export function upstreamsFromContract(message: UpstreamSnapshot): UpstreamsSnapshot {
  return {
    version: message.version,
    upstreams: message.upstreams.map((upstream) => ({
      name: upstream.name,
      profile: upstream.profile,
      baseUrl: upstream.baseUrl,
      apiKey: upstream.apiKey,
      firstTokenTimeoutMs: upstream.firstTokenTimeoutMs || timeouts.firstTokenMs,
      idleTimeoutMs: upstream.idleTimeoutMs || timeouts.idleMs,
      totalTimeoutMs: upstream.totalTimeoutMs || timeouts.totalMs,
      maxConcurrency: upstream.maxConcurrency,
      isEnabled: upstream.enabled,
      isStandby: upstream.role === "standby",
      state: upstream.state,
      queueLength: upstream.queueLength,
      kvCacheRatio: upstream.kvCacheRatio,
    })),
  };
}
