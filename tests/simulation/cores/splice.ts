import { checkTold, checkWhole } from "../../../gateways/ai/testing/answer-checks.ts";
import { continuedShapes } from "../../../gateways/ai/testing/shapes.ts";
import { SpliceSimulation, waysToBreak } from "../../../gateways/ai/testing/splice-simulation.ts";
import type { CoreFamily } from "./core-family.ts";

const simulations = new Map<string, SpliceSimulation>();

/** Streams of every shape, cut at random bytes in every way, up to three times over. */
export const spliceFamily: CoreFamily = {
  name: "splice",
  about: "a broken stream goes on byte-exact, or is told to be incomplete",
  run(random) {
    const shape = random.pick(continuedShapes);
    let simulation = simulations.get(shape.name);
    if (simulation === undefined) {
      simulation = new SpliceSimulation(shape, 61);
      simulations.set(shape.name, simulation);
    }
    const { wire, reference } = simulation;
    const cuts = Array.from({ length: 1 + random.integer(3) }, () => ({
      atByte: (shape.fromByte ?? 0) + random.integer(wire.length - (shape.fromByte ?? 0)),
      way: random.pick(waysToBreak),
    }));
    const answer = simulation.answer(cuts);
    try {
      if (answer.ending === "whole") checkWhole(answer, reference);
      else checkTold(answer, reference);
      return [];
    } catch (error) {
      return [`${shape.name} ${JSON.stringify(cuts)}: ${String(error)}`];
    }
  },
};
