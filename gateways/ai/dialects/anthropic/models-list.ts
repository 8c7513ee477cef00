import type { CatalogueModel } from "../../core/catalogue/catalogue.ts";

/** A model as Anthropic's `GET /v1/models` shows it. */
export function anthropicModelEntry(model: CatalogueModel): object {
  return {
    type: "model",
    id: model.id,
    display_name: model.displayName === "" ? model.id : model.displayName,
    created_at: new Date(model.createdAtMs).toISOString().replace(".000Z", "Z"),
  };
}

/** All of them on one page. */
export function anthropicModelsList(models: readonly CatalogueModel[]): string {
  return JSON.stringify({
    data: models.map(anthropicModelEntry),
    has_more: false,
    first_id: models[0]?.id ?? null,
    last_id: models.at(-1)?.id ?? null,
  });
}
