import { setFlagsFromString } from "node:v8";
import { isOnRequestPath } from "../core/request-path.ts";

/** Percentages of the room to the limit of the heap. */
const marks = { soft: 60, hard: 80 };

/**
 * On the path of requests, bytes come and go with every call; V8 counts them to the old generation
 * until its next collection, and would mark the whole heap over and over for their sake: so it
 * waits until much of the room to its limit is used. Said when all code is loaded, not on the
 * command line: V8 takes compiled code under no other flags than it was made under, and Node's own
 * was made without any.
 */
export function markLate(deployables: readonly string[]): void {
  if (!isOnRequestPath(deployables)) return;
  setFlagsFromString(`--incremental-marking-soft-trigger=${marks.soft}`);
  setFlagsFromString(`--incremental-marking-hard-trigger=${marks.hard}`);
}
