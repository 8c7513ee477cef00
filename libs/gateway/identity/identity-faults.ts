import { defineFaults } from "../../kernel/index.ts";

/** Why a caller's credentials do not let it in, or why nobody can say. */
export const identityFaults = defineFaults("identity", {
  missing: {
    code: "unauthenticated",
    blame: "client",
    retry: "never",
    publicMessage: "No API key was sent. Send it as `Authorization: Bearer sk-tdm-…`.",
  },
  /** One message for every kind of wrong key, so that none can be told from another. */
  invalid: {
    code: "unauthenticated",
    blame: "client",
    retry: "never",
    publicMessage: "The API key is not valid. Check it, or create another one.",
  },
  expired: {
    code: "unauthenticated",
    blame: "client",
    retry: "never",
    publicMessage: "The API key has expired. Create another one.",
  },
  /** Never 401: an outage is not the caller's fault. */
  unavailable: {
    code: "unavailable",
    blame: "platform",
    retry: "after_delay",
    publicMessage: "API keys cannot be checked right now. Try again in a moment.",
  },
});
