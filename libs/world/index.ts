/**
 * The outside, as parts take it in: time, randomness, timers, environment. Everything that decides
 * takes these from a `World`, so that the simulator and the tests can supply another one and replay
 * from a seed. Nothing else reads `process.env`, `Date.now` or `Math.random`.
 */
export { realWorld } from "./real-world.ts";
export {
  type Clock,
  newId,
  type Randomness,
  sleep,
  type Timer,
  type Timers,
  type World,
} from "./world.ts";
