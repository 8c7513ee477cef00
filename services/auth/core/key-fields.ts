/** What may stand in a key's lists, judged before anything is stored. */
import { priorities, priorityOf } from "@tandem/libs/kernel";
import { isScope } from "./permissions.ts";

const listMax = 64;
const modelPattern = /^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}\*?$|^\*$/;
const endpoints = new Set(["chat", "completions", "embeddings", "models", "balance"]);

export interface KeyFields {
  readonly name: string;
  readonly scopes: readonly string[];
  readonly allowedModels: readonly string[];
  readonly allowedEndpoints: readonly string[];
  readonly allowedAddresses: readonly string[];
  /** Empty: not said. */
  readonly priority: string;
}

/**
 * What is wrong, in words; undefined when nothing is. `isRange` says whether a text is an address
 * or a CIDR range: the shell asks the platform's own parser, the one that gateways judge with.
 */
export function problemOfKey(
  fields: KeyFields,
  isRange: (text: string) => boolean,
): string | undefined {
  const { name, scopes, allowedModels, allowedEndpoints, allowedAddresses } = fields;
  if (name.length === 0 || name.length > 100) return "A key's name has 1 to 100 characters.";
  if (fields.priority !== "" && priorityOf(fields.priority) === undefined) {
    return `A key's priority is one of ${priorities.join(", ")}.`;
  }
  if (scopes.length === 0) return "A key needs at least one scope.";
  for (const list of [scopes, allowedModels, allowedEndpoints, allowedAddresses]) {
    if (list.length > listMax) return `A key's list has at most ${listMax} entries.`;
    if (new Set(list).size !== list.length) return "A key's list names something twice.";
  }
  const scope = scopes.find((text) => !isScope(text));
  if (scope !== undefined) return `"${scope.slice(0, 40)}" is no scope.`;
  const model = allowedModels.find((text) => !modelPattern.test(text));
  if (model !== undefined) return `"${model.slice(0, 40)}" is no model id or prefix*.`;
  const endpoint = allowedEndpoints.find((text) => !endpoints.has(text));
  if (endpoint !== undefined) return `"${endpoint.slice(0, 40)}" is no endpoint.`;
  const range = allowedAddresses.find((text) => !isRange(text));
  if (range !== undefined) return `"${range.slice(0, 40)}" is no address or CIDR range.`;
  return undefined;
}
