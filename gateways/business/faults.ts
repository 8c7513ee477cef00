import { defineFaults } from "@tandem/libs/kernel";

/** Every reason this gateway can refuse with by itself; services add their own. */
export const businessFaults = defineFaults("business", {
  queue_full: {
    code: "unavailable",
    blame: "capacity",
    retry: "after_delay",
    publicMessage:
      "Orders cannot be taken in at the moment, and too many wait already. Nothing was ordered; " +
      "try again in a few minutes.",
  },
});
