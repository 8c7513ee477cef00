/**
 * The catalogue as the gateway decides with it: models, their prices by validity, aliases, rules.
 * An index of one snapshot; a newer snapshot makes a new index.
 */
import type { ModelPrice } from "../money/charge.ts";
import type { Feature } from "../request/generation-request.ts";

/** The name under which a request leaves the choice to the platform. */
export const autoName = "auto";

export interface CatalogueTarget {
  readonly upstream: string;
  /** The model's name there. */
  readonly model: string;
  readonly weight: number;
  /** Targets of the lowest order are tried first. */
  readonly order: number;
}

export interface CatalogueModel {
  readonly id: string;
  readonly displayName: string;
  readonly ownedBy: string;
  /** Prompt and answer together; 0 when unknown. */
  readonly contextTokens: number;
  /** 0 when unknown. */
  readonly maxOutputTokens: number;
  /** Empty when unknown. */
  readonly capabilities: ReadonlySet<string>;
  readonly targets: readonly CatalogueTarget[];
  readonly languages: readonly string[];
  readonly domains: readonly string[];
  readonly createdAtMs: number;
}

export interface PriceEntry {
  readonly model: string;
  readonly price: ModelPrice;
  readonly validFromMs: number;
  /** 0: still valid. */
  readonly validUntilMs: number;
}

/** Conditions that must all hold; an empty list and a zero hold always. */
export interface CatalogueRule {
  readonly id: string;
  readonly order: number;
  /** chat, fim, json, tools, vision */
  readonly kinds: readonly string[];
  readonly minPromptTokens: number;
  readonly maxPromptTokens: number;
  readonly languages: readonly string[];
  readonly domains: readonly string[];
  readonly model: string;
}

export interface CatalogueSnapshot {
  readonly version: bigint;
  readonly models: readonly CatalogueModel[];
  readonly prices: readonly PriceEntry[];
  readonly aliases: ReadonlyMap<string, string>;
  readonly rules: readonly CatalogueRule[];
  readonly defaultModel: string;
}

/** What the rules of `auto` look at. */
export interface RequestTraits {
  readonly kinds: ReadonlySet<string>;
  readonly promptTokens: number;
  /** BCP 47, main part; empty when unknown. */
  readonly language: string;
  /** Empty when unknown. */
  readonly domain: string;
}

export class Catalogue {
  readonly version: bigint;
  readonly models: readonly CatalogueModel[];
  readonly #byName = new Map<string, CatalogueModel>();
  readonly #prices = new Map<string, readonly PriceEntry[]>();
  readonly #rules: readonly CatalogueRule[];
  readonly #defaultModel: string;

  constructor(snapshot: CatalogueSnapshot) {
    this.version = snapshot.version;
    this.models = [...snapshot.models].sort((left, right) => (left.id < right.id ? -1 : 1));
    for (const model of this.models) this.#byName.set(model.id, model);
    for (const [alias, id] of snapshot.aliases) {
      const model = this.#byName.get(id);
      if (model !== undefined && !this.#byName.has(alias)) this.#byName.set(alias, model);
    }
    for (const entry of snapshot.prices) {
      const entries = [...(this.#prices.get(entry.model) ?? []), entry];
      entries.sort((left, right) => right.validFromMs - left.validFromMs);
      this.#prices.set(entry.model, entries);
    }
    this.#rules = [...snapshot.rules].sort((left, right) => left.order - right.order);
    this.#defaultModel = snapshot.defaultModel;
  }

  /** By id or alias. */
  find(name: string): CatalogueModel | undefined {
    return this.#byName.get(name);
  }

  /** The price valid at this moment of the wall clock; a model without one has no price. */
  priceOf(modelId: string, nowMs: number): ModelPrice | undefined {
    for (const { price, validFromMs, validUntilMs } of this.#prices.get(modelId) ?? []) {
      if (validFromMs <= nowMs && (validUntilMs === 0 || nowMs < validUntilMs)) return price;
    }
    return undefined;
  }

  /**
   * The model that `auto` means: of the first rule that holds, else the default, else the first
   * that can do what is asked. `mayUse` leaves out what the caller may not use.
   */
  choose(
    traits: RequestTraits,
    given: {
      readonly features: readonly Feature[];
      readonly mayUse: (id: string) => boolean;
    },
  ): { readonly model: CatalogueModel; readonly ruleId: string } | undefined {
    const fits = (model: CatalogueModel | undefined): model is CatalogueModel =>
      model !== undefined &&
      given.mayUse(model.id) &&
      missingFeature(model, given.features) === undefined &&
      (model.contextTokens === 0 || traits.promptTokens < model.contextTokens);
    for (const rule of this.#rules) {
      if (!ruleHolds(rule, traits)) continue;
      const model = this.#byName.get(rule.model);
      if (fits(model)) return { model, ruleId: rule.id };
    }
    const model = [this.#byName.get(this.#defaultModel), ...this.models].find(fits);
    return model === undefined ? undefined : { model, ruleId: "" };
  }
}

function ruleHolds(rule: CatalogueRule, traits: RequestTraits): boolean {
  const { kinds, languages, domains, minPromptTokens, maxPromptTokens } = rule;
  return (
    (kinds.length === 0 || kinds.some((kind) => traits.kinds.has(kind))) &&
    traits.promptTokens >= minPromptTokens &&
    (maxPromptTokens === 0 || traits.promptTokens <= maxPromptTokens) &&
    (languages.length === 0 || languages.includes(traits.language)) &&
    (domains.length === 0 || domains.includes(traits.domain))
  );
}

/** The first feature that the model is known to lack. */
export function missingFeature(
  { capabilities }: CatalogueModel,
  features: readonly Feature[],
): Feature | undefined {
  if (capabilities.size === 0) return undefined;
  return features.find((feature) => !capabilities.has(feature));
}
