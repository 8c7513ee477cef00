import { defineFaults } from "@tandem/libs/kernel";

/** Every reason this gateway can refuse with by itself; services add their own. */
export const accessFaults = defineFaults("access", {
  person_needed: {
    code: "permission_denied",
    blame: "client",
    retry: "never",
    publicMessage: "Only a person can do this: sign in, or use a key that belongs to somebody.",
  },
  session_needed: {
    code: "permission_denied",
    blame: "client",
    retry: "never",
    publicMessage: "This needs a session: sign in with e-mail address and password.",
  },
  not_confirmed: {
    code: "invalid_argument",
    blame: "client",
    retry: "never",
    publicMessage: "Nothing was deleted: the address is not that of your account.",
  },
  limit_exists: {
    code: "already_exists",
    blame: "client",
    retry: "never",
    publicMessage: "There is one for this already. Change that one instead.",
  },
});
