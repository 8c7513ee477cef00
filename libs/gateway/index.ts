/**
 * What the gateways share: requests taken through named phases, verified identities with a feed of
 * revocations, leases of limits and money, and the management plane's routes. It decides and
 * remembers; what it is told comes from services, through the clients its gateway gives it. While
 * a service is away it goes on with what it knows, marked, within bounds, and then refuses.
 */

export { clientAddress } from "./client-address.ts";
export { addressMatches, parseAddressRule } from "./identity/address-rule.ts";
export { apiKeyChecksum, formApiKey, hasApiKeyForm, hashApiKey } from "./identity/api-key.ts";
export { type CallerIdentity, identityFromContract } from "./identity/caller-identity.ts";
export { type AuthClient, createIdentities, type Identities } from "./identity/identities.ts";
export {
  IdentityCache,
  type IdentityCacheOptions,
  type Known,
  type LookUpAnswer,
  type RevocationNews,
} from "./identity/identity-cache.ts";
export { identityFaults } from "./identity/identity-faults.ts";
export { followRevocations, revocationPollMs } from "./identity/revocation-feed.ts";
export type { Demand, LimitGrant, LimitKind } from "./leases/limit-pool.ts";
export { LimitPool } from "./leases/limit-pool.ts";
export {
  type Admission,
  type Admitted,
  finishAdmitted,
  SubjectLimits,
  undoAdmitted,
} from "./leases/subject-limits.ts";
export {
  type WalletAnswer,
  type WalletCall,
  WalletLease,
  type WalletLeaseState,
} from "./leases/wallet-lease.ts";
export { type ApiInfo, describeApi, type JsonObject } from "./openapi.ts";
export {
  createPhaseRunner,
  type Phase,
  type PhasedCall,
  type PhaseResult,
  type PhaseRunner,
} from "./phases/phase-runner.ts";
export { type PhaseOutcome, type PhaseRecord, PhaseTrace } from "./phases/phase-trace.ts";
export { createProbeGuard, type ProbeGuard } from "./probe-guard.ts";
export { faultToProblem, type Problem, problemMediaType } from "./problem.ts";
export { asCaller, asPlatform, idempotencyKeyOf, recordIntent } from "./rest/call-options.ts";
export { type Caller, nobody } from "./rest/caller.ts";
export {
  amountInput,
  currencyField,
  emailField,
  idField,
  integerQuery,
  lineField,
  moneyField,
  moneyOf,
  timeField,
  timeInput,
  timeOf,
} from "./rest/fields.ts";
export { createIdempotency, type Idempotency } from "./rest/idempotency.ts";
export { type ManagementConfig, managementSettings } from "./rest/management-config.ts";
export { serveManagement } from "./rest/management-server.ts";
export { type PageBody, pageOf, pageQuery, pageQueryWith, pageReply } from "./rest/page.ts";
export { restFaults } from "./rest/rest-faults.ts";
export { createRestHandler } from "./rest/rest-handler.ts";
export {
  idempotencyOf,
  permissionsFor,
  type RestCall,
  type RestReply,
  type Route,
  type RouteAccess,
  type RouteMethod,
  routesOf,
} from "./rest/route.ts";
export { createRouteTable, type RouteTable } from "./rest/route-table.ts";
export { createStaleAnswers, type StaleAnswers } from "./rest/stale-answers.ts";
export { parseStrictJson } from "./rest/strict-json.ts";
export type { Arrival, Authenticate, RestParts } from "./rest/work.ts";
export {
  clearSessionCookie,
  csrfHeader,
  csrfTokenOf,
  isCsrfToken,
  readHostCookie,
  readSessionToken,
  setHostCookie,
  setSessionCookie,
  siteOf,
} from "./session-cookie.ts";
