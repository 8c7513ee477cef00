/**
 * What the gateways share: requests taken through named phases, verified identities with a feed of
 * revocations, leases of limits and money, and the management plane's routes. It decides and
 * remembers; what it is told comes from services, through the clients its gateway gives it. While
 * a service is away it goes on with what it knows, marked, within bounds, and then refuses.
 */
export { apiKeyChecksum, formApiKey, hasApiKeyForm, hashApiKey } from "./identity/api-key.ts";
export { type CallerIdentity, identityFromContract } from "./identity/caller-identity.ts";
export {
  IdentityCache,
  type IdentityCacheOptions,
  type Known,
  type LookUpAnswer,
  type RevocationNews,
} from "./identity/identity-cache.ts";
export { identityFaults } from "./identity/identity-faults.ts";
export { followRevocations, revocationPollMs } from "./identity/revocation-feed.ts";
export {
  createPhaseRunner,
  type Phase,
  type PhasedCall,
  type PhaseResult,
  type PhaseRunner,
} from "./phases/phase-runner.ts";
export { type PhaseOutcome, type PhaseRecord, PhaseTrace } from "./phases/phase-trace.ts";
