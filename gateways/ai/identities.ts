import {
  followRevocations,
  hashApiKey,
  identityFromContract,
  revocationPollMs,
} from "@tandem/libs/gateway";
import { type Lifecycle, type Site, tellFeed } from "@tandem/libs/service";
import type { Clients } from "./clients.ts";
import type { AiConfig } from "./config.ts";
import { keyOf } from "./credential.ts";
import { type KeyUse, KnownCallers } from "./known-callers.ts";

const lookUpDeadlineMs = 2_000;
const lookUpsMax = 256;
const refusalKeptMs = 1_000;
/** Room for the answer of a poll to come back. */
const pollMarginMs = 1_000;

const useReportMs = 10_000;
const usesPerReport = 1_000;

/** Verified keys by their credential, kept true by the revocation feed. */
export function createIdentities(
  site: Site,
  lifecycle: Lifecycle,
  { auth, config }: Pick<Clients, "auth"> & { readonly config: AiConfig["identity"] },
): KnownCallers {
  const { world } = site;
  const identities = new KnownCallers({
    clock: world.clock,
    capacity: config.cacheEntries,
    outageMsMax: config.outageMs,
    goneMsMax: config.goneMs,
    refusalKeptMs,
    lookUpsMax,
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
  const figures = tellFeed(site, { feed: "revocations", pollMs: revocationPollMs });
  lifecycle.go("revocation feed", (signal) =>
    followRevocations({
      cache: identities,
      world,
      signal,
      async watch(afterSequence, waitMs) {
        const news = await auth.watchRevocations(
          { afterSequence, waitMs },
          { deadlineMs: revocationPollMs + pollMarginMs },
        );
        figures.heard();
        return news;
      },
    }),
  );
  reportUses(site, lifecycle, { auth, identities });
  return identities;
}

/** Tells auth now and then which keys were used; a report that is lost moves a date, no more. */
function reportUses(
  { world }: Site,
  lifecycle: Lifecycle,
  { auth, identities }: Pick<Clients, "auth"> & { readonly identities: KnownCallers },
): void {
  const report = async (): Promise<void> => {
    const uses = identities.takeUses();
    for (let from = 0; from < uses.length; from += usesPerReport) {
      const batch = uses.slice(from, from + usesPerReport).map(useToContract);
      await auth.reportKeyUse({ uses: batch }).catch(() => undefined);
    }
  };
  const reporting = world.timers.every(useReportMs, () => void report());
  lifecycle.defer("key uses", () => {
    reporting.cancel();
    return report();
  });
}

function useToContract({ keyId, usedAtMs }: KeyUse) {
  return { keyId, lastUsedAtMs: BigInt(usedAtMs) };
}
