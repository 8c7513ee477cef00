/** The ten rules of "nothing lost": what must hold in every run, whatever breaks in it. */
import {
  acceptedIsNotLost,
  degradedIsMarked,
  oneOutcome,
  oneText,
  revokedStaysRevoked,
} from "./answers.ts";
import {
  adminIsAudited,
  eventsHaveOneEffect,
  itComesBack,
  limitsHold,
  moneyIsExact,
} from "./books.ts";
import type { Rule } from "./rule.ts";

export type { Rule } from "./rule.ts";

export const rules: readonly Rule[] = [
  acceptedIsNotLost,
  oneOutcome,
  oneText,
  moneyIsExact,
  eventsHaveOneEffect,
  limitsHold,
  revokedStaysRevoked,
  adminIsAudited,
  degradedIsMarked,
  itComesBack,
];
