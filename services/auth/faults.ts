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
});
