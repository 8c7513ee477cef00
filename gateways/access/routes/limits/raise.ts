/** More than a limit or budget allows, for a time. */
import type { Raise } from "@tandem/contracts/rpc/quota/v1/quota_pb";
import { lineField, timeField, timeInput, timeOf } from "@tandem/libs/gateway";
import { z } from "zod";

const raiseFacts = {
  until: timeField.nullable(),
  by: z.string().meta({ description: "The person or key that did it." }),
  reason: z.string(),
};

/** A raise with what it allows, in the words of what is raised. */
export function raiseReply<Amount extends z.ZodType>(amount: Amount) {
  return z
    .object({ amount, ...raiseFacts })
    .nullable()
    .meta({ description: "What it is raised to for a time; null when it is not, or no longer." });
}

export function raiseBody<Amount>(
  raise: Raise | undefined,
  amountOf: (amount: bigint) => Amount,
): { amount: Amount; until: string | null; by: string; reason: string } | null {
  if (raise === undefined) return null;
  const { amount, untilMs, by, reason } = raise;
  return { amount: amountOf(amount), until: timeOf(untilMs), by, reason };
}

export const raiseInput = {
  until: timeInput.meta({ description: "When it ends by itself; within a year." }),
  reason: lineField({ min: 0, max: 200 }).default(""),
};

export const setByField = z.string().meta({
  description:
    "`organisation`; `platform`: only who runs it can change this; `default`: of the configuration.",
});
