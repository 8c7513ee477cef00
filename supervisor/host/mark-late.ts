import { setFlagsFromString } from "node:v8";
import { isOnRequestPath } from "../core/request-path.ts";

/** Percentages of the room to the limit of the heap. */
const marks = { soft: 60, hard: 80 };
/** How far that limit is above what a collection has left, in percent of it. */
const roomPercent = 400;

/**
 * On the path of requests, bytes come and go with every call; V8 counts them to the old generation
 * until its next collection, and would mark the whole heap over and over for their sake: so it
 * waits until much of the room to its limit is used. That room has to be so wide that it can mark
 * beside the work before it is full. One that it has to collect in one go stops everybody for a
 * tenth of a second, and forgets the shapes of objects of which there happen to be none; with them
 * goes the compiled code of half a call, again and again.
 *
 * Said when all code is loaded, not on the command line: V8 takes compiled code under no other
 * flags than it was made under, and Node's own was made without any.
 */
export function markLate(deployables: readonly string[]): void {
  if (!isOnRequestPath(deployables)) return;
  setFlagsFromString(`--incremental-marking-soft-trigger=${marks.soft}`);
  setFlagsFromString(`--incremental-marking-hard-trigger=${marks.hard}`);
  setFlagsFromString(`--heap-growing-percent=${roomPercent}`);
}
