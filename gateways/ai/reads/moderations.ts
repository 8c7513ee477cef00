import { aiFaults } from "../faults.ts";
import type { Read } from "./read.ts";

/** `POST /moderations`: nobody here judges content, and no answer is better than a made-up one. */
export const moderationsRead: Read = {
  methods: ["POST"],
  answer() {
    throw aiFaults.no_moderations();
  },
};
