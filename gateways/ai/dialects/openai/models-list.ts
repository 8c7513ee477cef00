import type { CatalogueModel } from "../../core/catalogue/catalogue.ts";

/**
 * A model as `GET /models` shows it: DeepSeek's fields, OpenAI's `created`, and the extras that
 * editors ask for, since otherwise their users have to type a context length.
 */
export function modelEntry(model: CatalogueModel): object {
  const { contextTokens, maxOutputTokens, capabilities } = model;
  return {
    id: model.id,
    object: "model",
    created: Math.floor(model.createdAtMs / 1_000),
    owned_by: model.ownedBy === "" ? "tandem" : model.ownedBy,
    name: model.displayName === "" ? model.id : model.displayName,
    ...(contextTokens > 0 ? { context_window: contextTokens, max_model_len: contextTokens } : {}),
    ...(maxOutputTokens > 0 ? { max_output_tokens: maxOutputTokens } : {}),
    input_modalities: capabilities.has("vision") ? ["text", "image"] : ["text"],
    output_modalities: ["text"],
    capabilities: [...capabilities],
  };
}

export function modelsList(models: readonly CatalogueModel[]): string {
  return JSON.stringify({ object: "list", data: models.map(modelEntry) });
}
