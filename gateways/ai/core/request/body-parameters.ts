import { JsonDocument, jsonKind, nowhere } from "../json-document.ts";
import { scanJson } from "../json-scanner.ts";
import { invalid, type RequestProblem } from "./generation-request.ts";
import type { Check } from "./parameter-checks.ts";

/** Messages, their parts and functions of tools lie at most this deep. */
const recordDepth = 6;

/** The parameters of a body that were found, each of its checked form. Null counts as absent. */
export class BodyParameters {
  readonly document: JsonDocument;
  readonly #found: ReadonlyMap<string, number>;

  constructor(document: JsonDocument, found: ReadonlyMap<string, number>) {
    this.document = document;
    this.#found = found;
  }

  /** The value's place, or `nowhere`. */
  at(name: string): number {
    return this.#found.get(name) ?? nowhere;
  }

  has(name: string): boolean {
    return this.#found.has(name);
  }

  isTrue(name: string): boolean {
    return this.document.kind(this.at(name)) === jsonKind.true;
  }

  number(name: string): number | undefined {
    const value = this.#found.get(name);
    return value === undefined ? undefined : this.document.number(value);
  }

  text(name: string): string | undefined {
    const value = this.#found.get(name);
    return value === undefined ? undefined : this.document.text(value);
  }

  /** A member's text inside an object parameter; empty when it is not there. */
  textWithin(name: string, member: string): string {
    const object = this.at(name);
    if (object === nowhere) return "";
    const value = this.document.member(object, member);
    const isText = value !== nowhere && this.document.kind(value) === jsonKind.string;
    return isText ? this.document.text(value) : "";
  }

  /** Bytes the value takes as it is written; 0 when it is not there. */
  size(name: string): number {
    const value = this.at(name);
    return value === nowhere ? 0 : this.document.end(value) - this.document.start(value);
  }
}

/**
 * Reads a body and checks each parameter there is a check for; others pass, since SDKs send what
 * their users give them.
 */
export function readParameters(
  body: Buffer,
  checks: ReadonlyMap<string, Check>,
): BodyParameters | RequestProblem {
  const document = scanJson(body, recordDepth);
  if (!(document instanceof JsonDocument)) {
    const { problem, at } = document;
    const message = `The body ${problem}, at byte ${at}.`;
    return { problem: "malformed", parameter: "", message };
  }
  if (document.kind(document.root) !== jsonKind.object) {
    return { problem: "malformed", parameter: "", message: "The body must be a JSON object." };
  }
  const found = new Map<string, number>();
  let member = document.firstChild(document.root);
  while (member !== nowhere) {
    if (document.kind(member) !== jsonKind.null) {
      const name = document.key(member);
      const problem = checks.get(name)?.(document, member);
      if (problem !== undefined) return invalid(name, problem);
      found.set(name, member);
    }
    member = document.nextChild(document.root, member);
  }
  return new BodyParameters(document, found);
}

/** A problem for the first of these parameters that is missing. */
export function missingOf(
  parameters: BodyParameters,
  ...names: readonly string[]
): RequestProblem | undefined {
  const missing = names.find((name) => !parameters.has(name));
  return missing === undefined ? undefined : invalid(missing, "is required");
}
