/**
 * The merged catalogue as this replica knows it, and who waits for a newer one. Read again whenever
 * PostgreSQL notifies of a change; the last one stays while the database is away.
 */
import { createVersionFeed, type VersionFeed } from "@tandem/libs/service";
import type { World } from "@tandem/libs/world";
import { type Catalogue, type CatalogueSources, mergeCatalogue } from "./core/catalogue.ts";
import type { CatalogueStore } from "./store/catalogue-store.ts";

export interface CatalogueBoard {
  readonly feed: VersionFeed;
  readonly catalogue: Catalogue;
  /** True once the database was read. */
  readonly isComplete: boolean;
  /** Names that only the configuration file may change. */
  isFromFile(kind: "models" | "aliases" | "rules", name: string): boolean;
  refresh(): Promise<void>;
}

export function createCatalogueBoard(
  world: World,
  given: { store: CatalogueStore; declared: Omit<CatalogueSources, "discoveries"> },
): CatalogueBoard {
  const { store, declared } = given;
  const feed = createVersionFeed(world.timers);
  const fromFile = {
    models: new Set(declared.models.map((model) => model.id)),
    aliases: new Set(declared.aliases.map((alias) => alias.name)),
    rules: new Set(declared.rules.map((rule) => rule.id)),
  };
  let catalogue = mergeCatalogue({ ...declared, discoveries: [] });
  let isComplete = false;
  let reading: Promise<void> = Promise.resolve();

  async function read(): Promise<void> {
    const stored = await store.read();
    catalogue = mergeCatalogue({
      models: [...declared.models, ...stored.models],
      prices: [
        ...declared.prices,
        ...stored.prices.filter(({ model }) => !declared.prices.some((own) => own.model === model)),
      ],
      aliases: [
        ...declared.aliases,
        ...stored.aliases.filter(({ name }) => !fromFile.aliases.has(name)),
      ],
      rules: [...declared.rules, ...stored.rules.filter(({ id }) => !fromFile.rules.has(id))],
      discoveries: stored.discoveries,
      defaultModel: declared.defaultModel,
    });
    isComplete = true;
    feed.advance(stored.version);
  }

  return {
    feed,
    get catalogue() {
      return catalogue;
    },
    get isComplete() {
      return isComplete;
    },
    isFromFile: (kind, name) => fromFile[kind].has(name),
    refresh() {
      // One after the other, so that an older reading never overwrites a newer one.
      reading = reading.catch(() => undefined).then(read);
      return reading;
    },
  };
}
