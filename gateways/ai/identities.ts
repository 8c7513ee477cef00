import {
  followRevocations,
  hashApiKey,
  IdentityCache,
  identityFromContract,
  revocationPollMs,
} from "@tandem/libs/gateway";
import type { Lifecycle, Site } from "@tandem/libs/service";
import type { Clients } from "./clients.ts";
import type { AiConfig } from "./config.ts";
import { keyOf } from "./credential.ts";

const lookUpDeadlineMs = 2_000;
const lookUpsMax = 256;
const refusalKeptMs = 1_000;
/** Room for the answer of a poll to come back. */
const pollMarginMs = 1_000;

/** Verified keys by their credential, kept true by the revocation feed. */
export function createIdentities(
  site: Site,
  lifecycle: Lifecycle,
  { auth, config }: Pick<Clients, "auth"> & { readonly config: AiConfig["identity"] },
): IdentityCache<null> {
  const { world } = site;
  const identities = new IdentityCache<null>({
    clock: world.clock,
    capacity: config.cacheEntries,
    outageMsMax: config.outageMs,
    refusalKeptMs,
    lookUpsMax,
    createExtra: () => null,
    async lookUp(credential) {
      const secretHash = hashApiKey(keyOf(credential), site.keys.apiKeyPepper);
      const answer = await auth.verifyKey({ secretHash }, { deadlineMs: lookUpDeadlineMs });
      const { identity, refusal, sequence } = answer;
      return {
        identity: identity === undefined ? undefined : identityFromContract(identity),
        refusal,
        sequence,
      };
    },
  });
  lifecycle.go("revocation feed", (signal) =>
    followRevocations({
      cache: identities,
      world,
      signal,
      watch: (afterSequence, waitMs) =>
        auth.watchRevocations(
          { afterSequence, waitMs },
          { deadlineMs: revocationPollMs + pollMarginMs },
        ),
    }),
  );
  return identities;
}
