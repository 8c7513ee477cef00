/** The catalogue in this service's own words, and how its three sources become one. */
export type EntrySource = "file" | "management" | "discovery";

export interface CatalogueTarget {
  readonly upstream: string;
  readonly model: string;
  readonly weight: number;
  readonly order: number;
}

export interface CatalogueModel {
  readonly id: string;
  readonly displayName: string;
  readonly ownedBy: string;
  readonly contextTokens: number;
  readonly maxOutputTokens: number;
  readonly capabilities: readonly string[];
  readonly targets: readonly CatalogueTarget[];
  readonly source: EntrySource;
  readonly enabled: boolean;
  readonly createdAtMs: number;
  readonly version: bigint;
  readonly domains: readonly string[];
  readonly languages: readonly string[];
  readonly sizeClass: number;
}

/** Nanos per million tokens; valid from `validFromMs` until before `validUntilMs`, 0 meaning open. */
export interface CataloguePrice {
  readonly id: string;
  readonly model: string;
  readonly currency: string;
  readonly inputNanos: bigint;
  readonly cachedInputNanos: bigint;
  readonly outputNanos: bigint;
  readonly upstreamInputNanos: bigint;
  readonly upstreamCachedInputNanos: bigint;
  readonly upstreamOutputNanos: bigint;
  readonly validFromMs: number;
  readonly validUntilMs: number;
}

export interface CatalogueAlias {
  readonly name: string;
  readonly model: string;
}

export interface CatalogueRule {
  readonly id: string;
  readonly order: number;
  readonly kinds: readonly string[];
  readonly minPromptTokens: number;
  readonly maxPromptTokens: number;
  readonly languages: readonly string[];
  readonly domains: readonly string[];
  readonly model: string;
}

/** A model that an upstream told of. A vanished one stays known, without a target. */
export interface Discovery {
  readonly upstream: string;
  readonly name: string;
  readonly contextTokens: number;
  readonly capabilities: readonly string[];
  readonly isLocal: boolean;
  readonly isGone: boolean;
  /** Place in the upstream's own list; the first is its favourite. */
  readonly position: number;
}

export interface CatalogueSources {
  readonly models: readonly CatalogueModel[];
  readonly prices: readonly CataloguePrice[];
  readonly aliases: readonly CatalogueAlias[];
  readonly rules: readonly CatalogueRule[];
  readonly discoveries: readonly Discovery[];
  /** As configured; empty when the platform is to choose. */
  readonly defaultModel: string;
}

export type Catalogue = Omit<CatalogueSources, "discoveries">;

/** What every server that can chat can do; the rest an operator declares. */
const chatCapabilities = ["tools", "json_object", "prefix", "reasoning", "logprobs"] as const;

/**
 * One catalogue: a model of the file stands before a managed one of the same id, that before a
 * discovered one; a declared model without targets runs wherever its id was discovered. A local
 * model without a price gets an explicit one of zero; any other without a price keeps none, and
 * gateways refuse it until an operator has set one.
 */
export function mergeCatalogue(sources: CatalogueSources): Catalogue {
  const discovered = discoveredModels(sources.discoveries);
  const merged = new Map(discovered.map((model) => [model.id, model]));
  const rank: Readonly<Record<EntrySource, number>> = { discovery: 0, management: 1, file: 2 };
  for (const model of [...sources.models].sort((a, b) => rank[a.source] - rank[b.source])) {
    const found = merged.get(model.id);
    const targets = model.targets.length === 0 ? (found?.targets ?? []) : model.targets;
    const contextTokens =
      model.contextTokens === 0 ? (found?.contextTokens ?? 0) : model.contextTokens;
    merged.set(model.id, { ...model, targets, contextTokens });
  }
  const models = [...merged.values()];
  const prices = [...sources.prices, ...zeroPrices(models, sources)];
  return {
    models,
    prices,
    aliases: sources.aliases.filter(({ name }) => !merged.has(name)),
    rules: [...sources.rules].sort((a, b) => a.order - b.order),
    defaultModel: sources.defaultModel || chooseDefault(models, prices),
  };
}

function discoveredModels(discoveries: readonly Discovery[]): readonly CatalogueModel[] {
  const models = new Map<string, CatalogueModel>();
  for (const found of [...discoveries].sort(byPlace)) {
    const known = models.get(found.name);
    const target = { upstream: found.upstream, model: found.name, weight: 1, order: 0 };
    const targets = found.isGone ? [] : [target];
    if (known !== undefined) {
      models.set(found.name, { ...known, targets: [...known.targets, ...targets] });
      continue;
    }
    const isChat = found.capabilities.includes("chat");
    models.set(found.name, {
      id: found.name,
      displayName: found.name,
      ownedBy: found.upstream,
      contextTokens: found.contextTokens,
      maxOutputTokens: 0,
      capabilities: [...new Set([...found.capabilities, ...(isChat ? chatCapabilities : [])])],
      targets,
      source: "discovery",
      enabled: true,
      createdAtMs: 0,
      version: 0n,
      domains: [],
      languages: [],
      sizeClass: 2,
    });
  }
  return [...models.values()];
}

/** The embedded engine's models last, since whoever runs another server means that one. */
function byPlace(a: Discovery, b: Discovery): number {
  const rank = (found: Discovery): number => (found.upstream.startsWith("engine") ? 1 : 0);
  if (rank(a) !== rank(b)) return rank(a) - rank(b);
  if (a.upstream !== b.upstream) return a.upstream < b.upstream ? -1 : 1;
  return a.position - b.position;
}

function zeroPrices(
  models: readonly CatalogueModel[],
  { prices, discoveries }: CatalogueSources,
): readonly CataloguePrice[] {
  const priced = new Set(prices.map((price) => price.model));
  const hosted = new Set(discoveries.filter((found) => !found.isLocal).map((found) => found.name));
  const local = new Set(discoveries.filter((found) => found.isLocal).map((found) => found.name));
  const isFree = (model: CatalogueModel): boolean => {
    const names = model.targets.map((target) => target.model);
    return names.length > 0 && names.every((name) => local.has(name) && !hosted.has(name));
  };
  return models
    .filter((model) => !priced.has(model.id) && isFree(model))
    .map((model) => ({
      id: `zero:${model.id}`,
      model: model.id,
      currency: "USD",
      inputNanos: 0n,
      cachedInputNanos: 0n,
      outputNanos: 0n,
      upstreamInputNanos: 0n,
      upstreamCachedInputNanos: 0n,
      upstreamOutputNanos: 0n,
      validFromMs: 0,
      validUntilMs: 0,
    }));
}

/** A model of this upstream alone quotes articles: nobody means it who names none. */
const quotingUpstream = "articles";

/**
 * The first declared model that chats, else the first discovered one. One without a price is not
 * served, so it is chosen only where there is no other.
 */
function chooseDefault(
  models: readonly CatalogueModel[],
  prices: readonly CataloguePrice[],
): string {
  const priced = new Set(prices.map((price) => price.model));
  const usable = models.filter(
    (model) =>
      model.enabled &&
      model.targets.some(({ upstream }) => upstream !== quotingUpstream) &&
      model.capabilities.includes("chat"),
  );
  const served = usable.filter((model) => priced.has(model.id));
  const declared = served.find((model) => model.source !== "discovery");
  return (declared ?? served[0] ?? usable[0])?.id ?? "";
}
