import { defineFaults } from "@tandem/libs/kernel";

/** Every reason the auth service can fail with, besides those of stores and calls. */
export const authFaults = defineFaults("auth", {
  key_not_found: {
    code: "not_found",
    blame: "client",
    retry: "never",
    publicMessage: "There is no such key in this organisation.",
  },
  key_not_active: {
    code: "failed_precondition",
    blame: "client",
    retry: "never",
    publicMessage: "The key is revoked or expired. Create another one.",
    httpStatus: 409,
  },
  key_malformed: {
    code: "invalid_argument",
    blame: "client",
    retry: "never",
    publicMessage: "A field of the key is missing or out of range.",
  },
  key_scope_beyond: {
    code: "permission_denied",
    blame: "client",
    retry: "never",
    publicMessage: "A key cannot be given more than its creator may do. Ask an owner for it.",
  },
  key_priority_beyond: {
    code: "permission_denied",
    blame: "client",
    retry: "never",
    publicMessage: "Only who runs the platform makes a key critical. Ask for it, or leave it out.",
  },
  version_mismatch: {
    code: "failed_precondition",
    blame: "client",
    retry: "never",
    publicMessage: "It was changed in the meantime. Read it again and repeat your change.",
  },
  permission_missing: {
    code: "permission_denied",
    blame: "client",
    retry: "never",
    publicMessage: "You may not do this. Ask an owner of the organisation for the permission.",
  },
  platform_only: {
    code: "permission_denied",
    blame: "platform",
    retry: "never",
    publicMessage: "This operation is for the platform's own parts.",
  },
  role_unknown: {
    code: "invalid_argument",
    blame: "client",
    retry: "never",
    publicMessage:
      "Roles are owner, admin, finance, operator, developer and viewer; those of the platform are " +
      "platform:owner, platform:operator and platform:finance.",
  },
  last_owner: {
    code: "failed_precondition",
    blame: "client",
    retry: "never",
    publicMessage: "An organisation keeps at least one owner. Make somebody else an owner first.",
    httpStatus: 409,
  },
  last_platform_owner: {
    code: "failed_precondition",
    blame: "client",
    retry: "never",
    publicMessage:
      "The platform keeps at least one owner. Make somebody else platform:owner first.",
    httpStatus: 409,
  },
  platform_role_elsewhere: {
    code: "permission_denied",
    blame: "client",
    retry: "never",
    publicMessage: "Roles of the platform are given in the organisation that set the platform up.",
  },
  /** The same for a wrong password and for a person that does not exist. */
  sign_in_refused: {
    code: "unauthenticated",
    blame: "client",
    retry: "never",
    publicMessage: "The e-mail address or the password is wrong.",
  },
  sign_in_blocked: {
    code: "resource_exhausted",
    blame: "client",
    retry: "after_delay",
    publicMessage: "Too many attempts. Wait, and try again.",
  },
  sign_in_busy: {
    code: "unavailable",
    blame: "capacity",
    retry: "after_delay",
    publicMessage: "Too many people sign in at this moment. Try again in a second.",
  },
  no_access: {
    code: "permission_denied",
    blame: "client",
    retry: "never",
    publicMessage: "You have no role in this organisation. Ask an owner to invite you.",
  },
  session_ended: {
    code: "unauthenticated",
    blame: "client",
    retry: "never",
    publicMessage: "The session has ended. Sign in again.",
  },
  password_wrong: {
    code: "permission_denied",
    blame: "client",
    retry: "never",
    publicMessage: "The current password is wrong.",
  },
  password_refused: {
    code: "invalid_argument",
    blame: "client",
    retry: "never",
    publicMessage: "A password has 12 to 256 characters.",
  },
  /** The same for a token that is unknown, expired, or has done its work. */
  setup_refused: {
    code: "permission_denied",
    blame: "client",
    retry: "never",
    publicMessage: "This setup link is not valid, or setup is complete. Sign in instead.",
  },
  setup_differs: {
    code: "failed_precondition",
    blame: "client",
    retry: "never",
    publicMessage:
      "Setup was begun with another e-mail address or organisation name. Repeat it with those.",
    httpStatus: 409,
  },
  setup_malformed: {
    code: "invalid_argument",
    blame: "client",
    retry: "never",
    publicMessage: "Setup needs an e-mail address and a name for the organisation.",
  },
  feed_lost: {
    code: "unavailable",
    blame: "platform",
    retry: "another_replica",
    publicMessage: "Revocations cannot be read right now.",
  },
  provider_unknown: {
    code: "not_found",
    blame: "client",
    retry: "never",
    publicMessage: "There is no sign-in provider of this name.",
  },
  /** Signing in with a password, keys and open sessions are not affected. */
  provider_unavailable: {
    code: "unavailable",
    blame: "upstream",
    retry: "after_delay",
    publicMessage:
      "The sign-in provider does not answer right now. Try again in a moment, or use a password.",
  },
  provider_misconfigured: {
    code: "failed_precondition",
    blame: "config",
    retry: "never",
    publicMessage:
      "The sign-in provider refuses the platform's own settings. Tell an operator: client id, " +
      "secret or redirect address are not those that the provider knows.",
    httpStatus: 503,
  },
  provider_refused: {
    code: "permission_denied",
    blame: "client",
    retry: "never",
    publicMessage: "The sign-in was cancelled, or refused by the provider. Begin it again.",
  },
  /** Wrong issuer, audience, signature, nonce or time: the log says which. */
  provider_word_invalid: {
    code: "permission_denied",
    blame: "upstream",
    retry: "never",
    publicMessage: "What the sign-in provider says cannot be trusted, so nobody is signed in.",
  },
  /** Begun in another browser, more than ten minutes ago, finished before, or never begun. */
  sign_in_not_begun: {
    code: "permission_denied",
    blame: "client",
    retry: "never",
    publicMessage: "This sign-in is not under way in this browser any more. Begin it again.",
  },
  email_unverified: {
    code: "permission_denied",
    blame: "client",
    retry: "never",
    publicMessage:
      "The sign-in provider has not verified your e-mail address. Verify it there, then try again.",
  },
  link_password_first: {
    code: "permission_denied",
    blame: "client",
    retry: "never",
    publicMessage:
      "There is an account with your e-mail address and a password. Sign in with that, and link " +
      "the provider in your settings.",
  },
  linked_elsewhere: {
    code: "already_exists",
    blame: "client",
    retry: "never",
    publicMessage: "This identity is linked to another account.",
  },
  link_other_email: {
    code: "permission_denied",
    blame: "client",
    retry: "never",
    publicMessage: "Only an identity with the e-mail address of your account can be linked to it.",
  },
  link_not_found: {
    code: "not_found",
    blame: "client",
    retry: "never",
    publicMessage: "No identity at this provider is linked to your account.",
  },
  last_way_in: {
    code: "failed_precondition",
    blame: "client",
    retry: "never",
    publicMessage: "This is the only way into your account. Set a password first.",
    httpStatus: 409,
  },
  sign_in_first: {
    code: "permission_denied",
    blame: "client",
    retry: "never",
    publicMessage:
      "This account exists and has no password: sign in, and accept the invitation there.",
  },
  session_not_found: {
    code: "not_found",
    blame: "client",
    retry: "never",
    publicMessage: "There is no such session of yours.",
  },
});
