import { anthropicModelEntry, anthropicModelsList } from "../dialects/anthropic/models-list.ts";
import { restUnder } from "../dialects/openai/endpoints.ts";
import { modelEntry, modelsList } from "../dialects/openai/models-list.ts";
import { aiFaults } from "../faults.ts";
import type { Asked, Read } from "./read.ts";

/** `GET /models`: those that the key may use, and one of them by its name. */
export const modelsRead: Read = {
  methods: ["GET", "HEAD"],
  answer({ exchange, parts, identity, dialect }) {
    const isAllowed = identity.scopes.has("inference") || identity.scopes.has("models:read");
    if (!isAllowed) throw aiFaults.scope_missing({ context: { scope: "models:read" } });
    if (!identity.mayUseEndpoint("models")) throw aiFaults.endpoint_not_allowed();
    const { catalogue } = parts;
    if (!catalogue.isLoaded) throw aiFaults.not_ready();
    const isAnthropic = dialect.name === "anthropic";
    const name = modelNameIn(exchange.head.path);
    if (name === "") {
      const usable = catalogue.current.models.filter(({ id }) => identity.mayUseModel(id));
      return isAnthropic ? anthropicModelsList(usable) : modelsList(usable);
    }
    const model = usableModel(name, { parts, identity });
    return JSON.stringify({
      ...(isAnthropic ? anthropicModelEntry(model) : modelEntry(model)),
      id: name,
    });
  },
};

/** Empty for the list; undefined where no models are read. */
export function modelNameAt(path: string): string | undefined {
  const own = path.startsWith("/anthropic/") ? path.slice("/anthropic".length) : path;
  return restUnder(own, "/models");
}

function modelNameIn(path: string): string {
  try {
    return decodeURIComponent(modelNameAt(path) ?? "");
  } catch {
    throw aiFaults.not_found({ publicMessage: "The path is not valid percent-encoding." });
  }
}

/** A model by a name that this key may use. Throws `ai.not_found`. */
export function usableModel(name: string, { parts, identity }: Pick<Asked, "parts" | "identity">) {
  const model = parts.catalogue.current.find(name);
  if (model === undefined || !identity.mayUseModel(model.id)) {
    throw aiFaults.not_found({
      publicMessage: `There is no model ${name.slice(0, 100)} that this key may use.`,
    });
  }
  return model;
}
