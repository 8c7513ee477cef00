/**
 * Breaks streams at every byte of every shape, in every way, and again while they are gone on with,
 * and checks each answer: `node tools/bootstrap/run.mjs gateways/ai/testing/every-byte.ts`.
 * `--cuts 1000000`: how many; every single cut first, then drawn ones of two and three breaks.
 * `--seed 1`. The unit test beside the splicer takes a part of it.
 */

import { parseArgs } from "node:util";
import { seededRandom } from "@tandem/libs/testing";
import { checkTold, checkWhole } from "./answer-checks.ts";
import { continuedShapes, toldShapes } from "./shapes.ts";
import { type Cut, type Shape, SpliceSimulation, waysToBreak } from "./splice-simulation.ts";

export interface CutReport {
  readonly cuts: number;
  readonly resumed: number;
  readonly told: number;
}

/** Every `stride`-th place of every shape, in turn in each way, or in all ways with stride 1. */
export function breakEverywhere(stride: number, cutsMax = Number.POSITIVE_INFINITY): CutReport {
  const report = { cuts: 0, resumed: 0, told: 0 };
  for (const [number, shape] of [...continuedShapes, ...toldShapes].entries()) {
    const simulation = new SpliceSimulation(shape, 61 + number);
    const isContinued = continuedShapes.includes(shape);
    const first = (shape.fromByte ?? 0) + (number % stride);
    for (let atByte = first; atByte < simulation.wire.length; atByte += stride) {
      const place = Math.floor(atByte / stride) + number;
      const ways =
        stride === 1 ? waysToBreak : [waysToBreak[place % waysToBreak.length] ?? "reset"];
      for (const way of ways) {
        if (report.cuts >= cutsMax) return report;
        check(simulation, [{ atByte, way }], { report, isContinued });
      }
    }
  }
  return report;
}

/** Answers that break twice, and those that break a third time, which is once too often. */
export function breakAgain(count: number, seed: number): CutReport {
  const random = seededRandom(seed);
  const report = { cuts: 0, resumed: 0, told: 0 };
  const simulations = continuedShapes.map(
    (shape, number) => new SpliceSimulation(shape, 53 + number),
  );
  while (report.cuts < count) {
    const simulation = random.pick(simulations);
    const cuts = Array.from({ length: random.fraction() < 0.8 ? 2 : 3 }, () => ({
      atByte: (simulation.shape.fromByte ?? 0) + random.integer(simulation.wire.length),
      way: random.pick(waysToBreak),
    }));
    check(simulation, cuts, { report, isContinued: cuts.length === 2 });
  }
  return report;
}

function check(
  simulation: SpliceSimulation,
  cuts: readonly Cut[],
  given: { readonly report: { cuts: number; resumed: number; told: number }; isContinued: boolean },
): void {
  const { report, isContinued } = given;
  report.cuts += 1;
  try {
    const answer = simulation.answer(cuts);
    report.resumed += answer.resumed > 0 ? 1 : 0;
    if (answer.ending === "whole") checkWhole(answer, simulation.reference);
    else if (isContinued) throw new Error("it was not gone on with");
    else checkTold(answer, simulation.reference);
    report.told += answer.ending === "told" ? 1 : 0;
  } catch (error) {
    throw new Error(`${describe(simulation.shape)} broken at ${JSON.stringify(cuts)}`, {
      cause: error,
    });
  }
}

function describe({ name, kind, profile }: Shape): string {
  return `${name} (${kind}, ${profile})`;
}

function main(): void {
  const { values } = parseArgs({
    options: {
      cuts: { type: "string", default: "1000000" },
      seed: { type: "string", default: "1" },
    },
  });
  const wanted = Number(values.cuts);
  const startMs = performance.now();
  const once = breakEverywhere(1, wanted);
  const again = breakAgain(wanted - once.cuts, Number(values.seed));
  const tookMs = performance.now() - startMs;
  const sum = (name: keyof CutReport): number => once[name] + again[name];
  process.stdout.write(
    `${sum("cuts")} cuts in ${Math.round(tookMs / 1_000)} s, seed ${values.seed}: ` +
      `${sum("resumed")} gone on with, ${sum("told")} told, 0 wrong\n`,
  );
}

if (import.meta.main) main();
