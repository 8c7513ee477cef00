import type { PassportClaims } from "../../rpc/index.ts";

/** Who a management request is for: what routes decide with, and sign their calls with. */
export interface Caller {
  readonly claims: PassportClaims;
  /** What the caller may do, by name: `projects:read`. Auth is the authority (services/auth). */
  readonly permissions: ReadonlySet<string>;
  /** `key_…`, or the `usr_…` of a session: whose idempotency keys these are. Empty for nobody. */
  readonly actor: string;
  readonly via: "key" | "session" | "nobody";
  /** Verified from a copy because auth could not be reached; every answer is marked (D10). */
  readonly isDegraded: boolean;
}

/** The caller of a public route that sent no credentials. */
export const nobody: Caller = {
  claims: {
    organisationId: "",
    projectId: "",
    userId: "",
    keyId: "",
    sessionId: "",
    scopes: [],
    roles: [],
  },
  permissions: new Set(),
  actor: "",
  via: "nobody",
  isDegraded: false,
};
