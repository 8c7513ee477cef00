import assert from "node:assert/strict";
import type { RequestProblem } from "../core/request/generation-request.ts";
import type { FieldTable } from "../dialects/field-table.ts";
import type { JsonObject } from "../dialects/reading.ts";

/** What a request came to: its canonical body with what had no effect, or why it was refused. */
export type Read =
  | { readonly canonical: JsonObject; readonly ignored: readonly string[] }
  | RequestProblem;

/** Two requests that differ in one member, by the member's place in the table: `tool.name`. */
export type FieldSamples = Readonly<
  Record<string, { readonly with: JsonObject; readonly without: JsonObject }>
>;

/**
 * Holds a dialect's reader against its table: what is carried or translated makes a difference,
 * what is ignored is told and makes none, what is refused is refused by its name. A row without a
 * sample fails, and so does a sample without a row.
 */
export function assertTableHolds(
  table: FieldTable,
  samples: FieldSamples,
  read: (request: JsonObject) => Read,
): void {
  const rows = Object.entries(table).flatMap(([kind, rules]) =>
    Object.entries(rules).map(([name, rule]) => ({ place: `${kind}.${name}`, name, rule })),
  );
  assert.deepEqual(Object.keys(samples).sort(), rows.map(({ place }) => place).sort());
  for (const { place, name, rule } of rows) {
    const sample = samples[place];
    assert.ok(sample);
    const given = read(sample.with);
    if (rule.fate === "refused") {
      assert.ok("problem" in given, `${place} is refused`);
      assert.ok(given.parameter.endsWith(name), `${place}: ${given.parameter}`);
      continue;
    }
    assert.ok(!("problem" in given), `${place}: ${JSON.stringify(given)}`);
    const isTold = given.ignored.some((told) => told === name || told.endsWith(`.${name}`));
    assert.equal(isTold, rule.fate === "ignored", `${place}: told as ignored`);
    const before = read(sample.without);
    if ("problem" in before) continue;
    const isSame = JSON.stringify(before.canonical) === JSON.stringify(given.canonical);
    assert.equal(isSame, rule.fate === "ignored", `${place}: makes a difference`);
  }
}

/** A sample from a request and a change to it; without it the member is gone. */
export function differing(
  base: JsonObject,
  change: (value: unknown) => JsonObject,
  value: unknown,
): { readonly with: JsonObject; readonly without: JsonObject } {
  return { with: { ...base, ...change(value) }, without: { ...base, ...change(undefined) } };
}
