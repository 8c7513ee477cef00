import { balanceBody } from "../dialects/openai/balance-body.ts";
import { aiFaults } from "../faults.ts";
import type { Read } from "./read.ts";

const deadlineMs = 2_000;

/** `GET /user/balance`, as DeepSeek has it. */
export const balanceRead: Read = {
  methods: ["GET", "HEAD"],
  async answer({ parts, identity, requestId }) {
    if (!identity.scopes.has("inference") && !identity.scopes.has("manage:read")) {
      throw aiFaults.scope_missing({ context: { scope: "inference" } });
    }
    if (!identity.mayUseEndpoint("balance")) throw aiFaults.endpoint_not_allowed();
    const { organisationId } = identity.claims;
    const found = await parts.quota.getBalance(
      { organisationId },
      { deadlineMs, caller: identity.claims, requestId },
    );
    return balanceBody(found);
  },
};
