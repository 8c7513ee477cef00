/** Slows guessing down, for e-mail addresses that exist and for those that do not alike. */
import { transaction } from "@tandem/libs/store";
import { addressRule, emailRule, takeAttempt } from "./core/lock-out.ts";
import { authFaults } from "./faults.ts";
import type { AuthParts } from "./parts.ts";
import { forgiveAttempts, lockAttempts, putAttempts } from "./store/people.ts";
import { hashToken } from "./tokens.ts";

export interface Attempt {
  /** It was the right password: it does not count. */
  forgive(): Promise<void>;
}

/** Counts an attempt before it is made. Throws `auth.sign_in_blocked` with the time to wait. */
export async function openAttempt(
  { database, pepper }: AuthParts,
  given: { readonly email: string; readonly remoteAddress: string },
): Promise<Attempt> {
  const subjects = {
    email: hashToken(pepper, "email", given.email),
    address: hashToken(pepper, "address", given.remoteAddress),
  };
  const rules = [
    [subjects.email, emailRule],
    [subjects.address, addressRule],
  ] as const;
  // In one order for all, so that attempts queue up and never lock one another out.
  const ordered = [...rules].sort(([left], [right]) => Buffer.compare(left, right));
  const waitMs = await transaction(database, async (tx) => {
    const nowMs = database.world.clock.nowMs();
    const decisions = [];
    for (const [subject, rule] of ordered) {
      const decision = takeAttempt(await lockAttempts(tx, subject), rule, nowMs);
      if (!decision.allowed) return decision.retryAfterMs;
      decisions.push({ subject, count: decision.count });
    }
    for (const { subject, count } of decisions) await putAttempts(tx, subject, count);
    return 0;
  });
  if (waitMs > 0) throw authFaults.sign_in_blocked({ retryAfterMs: waitMs });
  return { forgive: () => forgiveAttempts(database, subjects) };
}
