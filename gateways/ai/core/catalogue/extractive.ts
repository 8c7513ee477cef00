import type { CatalogueModel } from "./catalogue.ts";

/** The upstream's name by which a catalogue says: from the project's articles, without a model. */
export const articlesUpstream = "articles";

/** A model whose answers are sentences of articles, quoted as they stand. */
export function isExtractive({ targets }: Pick<CatalogueModel, "targets">): boolean {
  return targets.length > 0 && targets.every(({ upstream }) => upstream === articlesUpstream);
}
