import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { referenceVector } from "@tandem/libs/testing";
import { realWorld } from "@tandem/libs/world";
import type { Asking, Case, Mode } from "./conformance/case.ts";
import { sections } from "./conformance/cases.ts";
import { Matrix, planOf } from "./conformance/matrix.ts";
import { vectorText } from "./conformance/rest.ts";
import { chatAnswer, type Transport } from "./conformance/transport.ts";
import { type Column, columns, openTransports } from "./conformance/transports.ts";
import { openTarget, type Target } from "./target.ts";

const page = join(import.meta.dirname, "../../docs/reference/conformance.md");

let target: Target | undefined;
let transports: ReadonlyMap<string, Transport> = new Map();
const slow = new Map<string, Promise<string>>();
const matrix = new Matrix(sections, columns);

const cells = columns.flatMap((column) =>
  sections.flatMap(({ cases }) =>
    cases.flatMap((one) =>
      one.modes
        .filter((mode) => planOf(one, column, mode).kind === "run")
        .map((mode) => ({ column, one, mode })),
    ),
  ),
);

before(async () => {
  target = await openTarget();
  transports = openTransports(target);
  for (const { column, one, mode } of cells) {
    if (one.isSlow !== true) continue;
    const told = one.run(askingOf(column, mode), target);
    told.catch(() => undefined);
    slow.set(nameOf(column, one, mode), told);
  }
});
after(async () => {
  for (const transport of transports.values()) await transport.close?.();
  await target?.close();
});

for (const column of columns) {
  describe(column.name, () => {
    for (const { one, mode } of cells.filter((cell) => cell.column === column)) {
      test(`${mode}: ${one.title}`, async () => {
        assert.ok(target);
        const begun = slow.get(nameOf(column, one, mode));
        const told = await (begun ?? one.run(askingOf(column, mode), target));
        matrix.note(one, column, { mode, told });
      });
    }
  });
}

test("the reference says what this run was told", () => {
  const now = matrix.page();
  if (realWorld().environment["CONFORMANCE"] === "write") writeFileSync(page, now);
  assert.equal(now, readFileSync(page, "utf8"));
});

function nameOf(column: Column, one: Case, mode: Mode): string {
  return `${column.name} ${one.key} ${mode}`;
}

function askingOf(column: Column, mode: Mode): Asking {
  const transport = transports.get(column.name);
  const plain = transports.get("Chat completions")?.whole;
  const whole = transport?.whole ?? plain;
  const ask = transport?.[mode];
  assert.ok(target && plain && whole && ask, `${column.name} cannot be asked`);
  const isWords = column.gives === "words";
  const vector = (content: string): string => vectorText(referenceVector(content));
  return {
    ...{ name: column.name, mode, gives: column.gives },
    tellsLater: transport.tellsLater === true,
    models: isWords ? target.models.words : target.models.vectors,
    ...{ ask, askWhole: whole, plain },
    expected: isWords ? (transport.expected ?? chatAnswer) : vector,
  };
}
