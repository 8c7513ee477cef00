import type { Phase } from "@tandem/libs/gateway";
import type { Call } from "../call.ts";

/**
 * 3 balance: the router chose this replica before the request came here. The phase stands in the
 * trace so that its place in a request's life can be seen; the record names the replica.
 */
export const balancePhase: Phase<Call> = {
  name: "balance",
  throws: [],
  isRepeatable: true,
  run: () => "done",
};
