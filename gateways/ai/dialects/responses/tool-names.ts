import { createHash } from "node:crypto";
import { isSet, type JsonObject, textOf } from "../reading.ts";

/** A tool as its client knows it. */
export interface GroupedName {
  readonly namespace: string;
  readonly name: string;
}

/** How a request's tools are told when a model calls them, by the names that the model has. */
export interface ToolNames {
  /** Whose calls are told as custom ones. */
  readonly custom: Set<string>;
  /** Those of a namespace: clients find a tool by both words, which models know as one. */
  readonly grouped: Map<string, GroupedName>;
}

export function noToolNames(): ToolNames {
  return { custom: new Set(), grouped: new Map() };
}

/** As long as a function's name may be. */
const nameCharactersMax = 64;
const digestCharacters = 8;

/** The one name of a tool of a namespace; the same for the same two words, in every turn. */
export function nameInGroup({ namespace, name }: GroupedName): string {
  const whole = namespace.endsWith("__") ? `${namespace}${name}` : `${namespace}__${name}`;
  if (whole.length <= nameCharactersMax) return whole;
  const digest = createHash("sha256").update(whole).digest("hex").slice(0, digestCharacters);
  return `${whole.slice(0, nameCharactersMax - digestCharacters - 1)}_${digest}`;
}

/** The model's name for what a client calls by `name` and perhaps `namespace`. */
export function canonicalName({ name, namespace }: JsonObject, place: string): string {
  const own = textOf(name, `${place}.name`);
  if (!isSet(namespace)) return own;
  return nameInGroup({ namespace: textOf(namespace, `${place}.namespace`), name: own });
}
