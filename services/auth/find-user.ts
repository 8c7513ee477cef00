import { Fault } from "@tandem/libs/kernel";
import type { CallContext } from "@tandem/libs/rpc";
import type { AuthParts } from "./parts.ts";

/** The person behind an e-mail address in lower case, if there is one. */
export async function findUserId(
  { users }: Pick<AuthParts, "users">,
  email: string,
  context: CallContext,
): Promise<string | undefined> {
  try {
    const options = { requestId: context.requestId, deadlineMs: context.remainingMs() };
    return (await users.findUserByEmail({ email }, options)).id;
  } catch (error) {
    if (Fault.is(error) && error.code === "not_found") return undefined;
    throw error;
  }
}
