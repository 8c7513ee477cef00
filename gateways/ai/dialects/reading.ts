/**
 * Reading of a request in a dialect that is not the canonical one: each object is held against the
 * dialect's table of fields, so that a member is translated, refused or told as ignored, and never
 * merely overlooked.
 */

import { JsonDocument } from "../core/json-document.ts";
import { scanJson } from "../core/json-scanner.ts";
import { contradictory, invalid, type RequestProblem } from "../core/request/generation-request.ts";
import type { FieldTable } from "./field-table.ts";

export type JsonObject = Readonly<Record<string, unknown>>;

/** Thrown inside a reader, and caught where it begins; never leaves it. */
export class Refusal extends Error {
  readonly problem: RequestProblem;

  constructor(problem: RequestProblem) {
    super(problem.message);
    this.problem = problem;
  }
}

export function refuse(parameter: string, clause: string): never {
  throw new Refusal(invalid(parameter, clause));
}

export function refuseAsNonsense(parameter: string, message: string): never {
  throw new Refusal(contradictory(parameter, message));
}

/** One strict reading of a body that has to be an object. */
export function parseBody(body: Buffer): JsonObject {
  const document = scanJson(body, 1);
  if (!(document instanceof JsonDocument)) {
    const message = `The body ${document.problem}, at byte ${document.at}.`;
    throw new Refusal({ problem: "malformed", parameter: "", message });
  }
  const value = document.parse(document.root);
  if (!isObject(value)) {
    const message = "The body must be a JSON object.";
    throw new Refusal({ problem: "malformed", parameter: "", message });
  }
  return value;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Null counts as absent, as in the canonical form. */
export function isSet(value: unknown): boolean {
  return value !== undefined && value !== null;
}

export class Reading {
  readonly #table: FieldTable;
  readonly #ignored = new Set<string>();

  constructor(table: FieldTable) {
    this.#table = table;
  }

  /** What had no effect, by the names under which the table knows it. */
  get ignored(): readonly string[] {
    return [...this.#ignored];
  }

  /**
   * Holds an object against the table of its kind. `place` is where it stands (`messages[2]`, empty
   * for the request); `general` is the same without numbers, for what is told as ignored.
   */
  object(value: unknown, kind: string, place: string): JsonObject {
    if (!isObject(value)) refuse(place, "must be an object");
    const rules = this.#table[kind] ?? {};
    for (const [name, member] of Object.entries(value)) {
      if (!isSet(member)) continue;
      const rule = Object.hasOwn(rules, name) ? rules[name] : undefined;
      if (rule === undefined || rule.fate === "ignored") this.ignore(under(place, name));
      else if (rule.fate === "refused") {
        refuse(under(place, name), `cannot be honoured here: ${rule.note ?? "not supported"}`);
      }
    }
    return value;
  }

  ignore(place: string): void {
    // Names come from clients and go into a header: what cannot stand there is left out.
    const name = place.replaceAll(/\[\d+\]/g, "[]").replaceAll(/[^\w.[\]-]/g, "?");
    if (this.#ignored.size < ignoredMax) this.#ignored.add(name.slice(0, ignoredNameMax));
  }
}

const ignoredMax = 32;
const ignoredNameMax = 80;

export function under(place: string, name: string): string {
  return place === "" ? name : `${place}.${name}`;
}

export function textOf(value: unknown, place: string): string {
  if (typeof value !== "string")
    refuse(place, value === undefined ? "is required" : "must be text");
  return value;
}

export function listOf(value: unknown, place: string): readonly unknown[] {
  if (!Array.isArray(value)) refuse(place, value === undefined ? "is required" : "must be a list");
  return value;
}

export function oneOf<Choice extends string>(
  value: unknown,
  place: string,
  choices: readonly Choice[],
): Choice {
  const found = choices.find((choice) => choice === value);
  if (found === undefined) {
    refuse(place, `must be one of ${choices.map((choice) => `"${choice}"`).join(", ")}`);
  }
  return found;
}

/** The members that are set, each as it is. */
export function pick(object: JsonObject, names: readonly string[]): Record<string, unknown> {
  const picked: Record<string, unknown> = {};
  for (const name of names) if (isSet(object[name])) picked[name] = object[name];
  return picked;
}
