/**
 * The outside, as parts take it in: time, randomness, timers, environment, disk. Everything that
 * decides takes these from a `World`, so that the simulator and the tests can supply another one
 * and replay from a seed. Nothing else reads `process.env`, `Date.now` or `Math.random`.
 */
export type { Disk, DiskFile, DiskLock } from "./disk.ts";
export { diskOf, diskPort } from "./disk-of.ts";
export { definePort, portOf } from "./port.ts";
export { realWorld } from "./real-world.ts";
export { Vigil, type VigilOptions } from "./vigil.ts";
export {
  type Clock,
  newId,
  type Port,
  type Randomness,
  sleep,
  type Timer,
  type Timers,
  type World,
} from "./world.ts";
