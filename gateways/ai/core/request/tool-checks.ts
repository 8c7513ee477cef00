import { type JsonDocument, jsonKind, nowhere } from "../json-document.ts";
import { type Check, choiceCheck, elementsOf } from "./parameter-checks.ts";

/** DeepSeek API, Tool Calls. */
const toolsMax = 128;
const toolName = /^[a-zA-Z0-9_-]{1,128}$/;

export const toolsCheck: Check = (document, value) => {
  if (document.kind(value) !== jsonKind.array) return "must be a list";
  const names = new Set<string>();
  let count = 0;
  for (const tool of elementsOf(document, value)) {
    count += 1;
    if (count > toolsMax) return `must hold at most ${toolsMax} tools`;
    const name = functionName(document, tool);
    if (name === undefined) {
      return 'must hold objects with `type` "function" and a `function` that has a `name`';
    }
    if (!toolName.test(name)) {
      return "must name functions with letters, digits, _ and - only, at most 128 of them";
    }
    if (names.has(name)) return `names the function "${name}" twice`;
    names.add(name);
  }
  return undefined;
};

/** The name in `{"type":"function","function":{"name":…}}`; undefined for anything else. */
function functionName(document: JsonDocument, tool: number): string | undefined {
  if (document.kind(tool) !== jsonKind.object) return undefined;
  const type = document.member(tool, "type");
  const isFunction =
    type !== nowhere &&
    document.kind(type) === jsonKind.string &&
    document.textIs(type, "function");
  const definition = document.member(tool, "function");
  if (!isFunction || definition === nowhere) return undefined;
  if (document.kind(definition) !== jsonKind.object) return undefined;
  const name = document.member(definition, "name");
  const isNamed = name !== nowhere && document.kind(name) === jsonKind.string;
  return isNamed ? document.text(name) : undefined;
}

const wordCheck = choiceCheck("none", "auto", "required");

export const toolChoiceCheck: Check = (document, value) => {
  if (document.kind(value) === jsonKind.object) {
    return functionName(document, value) === undefined ? "must name a function" : undefined;
  }
  return wordCheck(document, value);
};
