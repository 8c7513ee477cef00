import { Catalogue } from "../core/catalogue/catalogue.ts";

const empty = new Catalogue({
  version: 0n,
  models: [],
  prices: [],
  aliases: new Map(),
  rules: [],
  defaultModel: "",
});

/** The catalogue of the moment. A request takes it once and keeps to it. */
export class CatalogueHolder {
  #current = empty;

  get current(): Catalogue {
    return this.#current;
  }

  /** A snapshot has come, from the service or from disk. */
  get isLoaded(): boolean {
    return this.#current !== empty;
  }

  replace(catalogue: Catalogue): void {
    this.#current = catalogue;
  }
}
