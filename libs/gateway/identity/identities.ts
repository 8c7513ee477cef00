/**
 * Who is behind a key or a session, as a gateway of the management plane knows it: verified once,
 * kept in memory, and forgotten when the revocation feed says so. While auth is away known callers
 * pass for a bounded time, marked; unknown ones get 503, never 401. A session is looked up anew
 * once a minute, since its use keeps it alive.
 */
import type { AuthService, Identity } from "@tandem/contracts/rpc/auth/v1/auth_pb";
import { Fault } from "../../kernel/index.ts";
import type { RpcClient } from "../../rpc/index.ts";
import type { Lifecycle } from "../../service/index.ts";
import type { World } from "../../world/index.ts";
import { createProbeGuard } from "../probe-guard.ts";
import { hashApiKey } from "./api-key.ts";
import { type CallerIdentity, identityFromContract } from "./caller-identity.ts";
import { IdentityCache, type Known, type LookUpAnswer } from "./identity-cache.ts";
import { identityFaults } from "./identity-faults.ts";
import { followRevocations, revocationPollMs } from "./revocation-feed.ts";

export type AuthClient = RpcClient<(typeof AuthService)["method"]>;

interface LookedUp {
  /** When auth said so; monotonic. */
  readonly atMs: number;
  /** When auth was last asked in vain; not asked again for a moment. */
  failedAtMs: number;
}

export interface Verified {
  readonly identity: CallerIdentity;
  /** Known only from a copy, since auth could not be asked. */
  readonly isDegraded: boolean;
}

export interface Identities {
  /** Throws `identity.invalid`, `identity.expired`, `identity.unavailable`, or, for an address
   * that tries too many, `rest.too_many_attempts`. */
  ofKey(key: string, address: string): Promise<Verified>;
  ofSession(token: string, address: string): Promise<Verified>;
}

const sessionFreshMs = 60_000;
/** How long a slow auth is waited for where a copy can stand in, and how long it is spared then. */
const renewPatienceMs = 80;
const renewRetryMs = 2_000;
const useReportMs = 30_000;
const lookUpDeadlineMs = 2_000;
const lookUpsMax = 256;
const refusalKeptMs = 1_000;
const strangerRefusals = new Set(["unknown", "ended"]);
/** Room for the answer of a poll to come back. */
const pollMarginMs = 1_000;

export function createIdentities(options: {
  readonly auth: AuthClient;
  readonly pepper: Uint8Array;
  readonly world: World;
  readonly lifecycle: Lifecycle;
  readonly capacity: number;
  readonly outageMsMax: number;
  readonly goneMsMax: number;
  /** The revocation feed was heard. */
  readonly onHeard?: () => void;
}): Identities {
  const { auth, pepper, world } = options;
  // Just looked up and known to nobody: to be counted against the address it came from. Revoked and
  // expired keys are old friends, and one looked up a moment ago has been counted.
  const strangers = new Set<string>();
  const cache = new IdentityCache<LookedUp>({
    clock: world.clock,
    capacity: options.capacity,
    outageMsMax: options.outageMsMax,
    goneMsMax: options.goneMsMax,
    refusalKeptMs,
    lookUpsMax,
    createExtra: () => ({
      atMs: world.clock.monotonicMs(),
      failedAtMs: Number.NEGATIVE_INFINITY,
    }),
    async lookUp(credential) {
      const answer = await lookUp(auth, credential);
      if (strangers.size >= lookUpsMax) strangers.clear();
      if (strangerRefusals.has(answer.refusal)) strangers.add(credential);
      return answer;
    },
  });
  followFeed(cache, options);
  const noteUse = reportUses(options);
  const guard = createProbeGuard(() => world.clock.monotonicMs());
  const resolve = async (credential: string, address: string): Promise<Known<LookedUp>> => {
    const known = cache.find(credential);
    if (known !== undefined) return known;
    guard.check(address);
    try {
      return await cache.resolve(credential);
    } catch (error) {
      if (strangers.delete(credential)) guard.note(address);
      throw error;
    }
  };
  const admit = (known: Known<LookedUp>): Verified => ({
    identity: known.identity,
    isDegraded: cache.admit(known),
  });
  return {
    async ofKey(key, address) {
      const hash = Buffer.from(hashApiKey(key, pepper)).toString("hex");
      const { identity, isDegraded } = admit(await resolve(`key ${hash}`, address));
      noteUse(identity.claims.keyId);
      return { identity, isDegraded };
    },
    async ofSession(token, address) {
      const credential = `session ${token}`;
      const known = await resolve(credential, address);
      const isFresh = world.clock.monotonicMs() - known.extra.atMs < sessionFreshMs;
      if (isFresh) return admit(known);
      return renew(credential, known, { cache, world });
    },
  };
}

/** Keeps the cache told of revocations for as long as the replica lives. */
function followFeed(
  cache: IdentityCache<LookedUp>,
  {
    auth,
    world,
    lifecycle,
    onHeard = () => undefined,
  }: { auth: AuthClient; world: World; lifecycle: Lifecycle; onHeard?: () => void },
): void {
  lifecycle.go("revocation feed", (signal) =>
    followRevocations({
      cache,
      world,
      signal,
      async watch(afterSequence, waitMs) {
        const news = await auth.watchRevocations(
          { afterSequence, waitMs },
          { deadlineMs: revocationPollMs + pollMarginMs },
        );
        onHeard();
        return news;
      },
    }),
  );
}

/** Tells auth now and then when keys were last used; a lost report moves a date, no more. */
function reportUses(options: {
  readonly auth: AuthClient;
  readonly world: World;
  readonly lifecycle: Lifecycle;
}): (keyId: string) => void {
  const { auth, world, lifecycle } = options;
  const usedAt = new Map<string, number>();
  const report = async (): Promise<void> => {
    const uses = [...usedAt].map(([keyId, ms]) => ({ keyId, lastUsedAtMs: BigInt(ms) }));
    usedAt.clear();
    if (uses.length > 0) await auth.reportKeyUse({ uses }).catch(() => undefined);
  };
  const reporting = world.timers.every(useReportMs, () => void report());
  lifecycle.defer("key uses", () => {
    reporting.cancel();
    return report();
  });
  return (keyId) => usedAt.set(keyId, world.clock.nowMs());
}

/** Asks anew; the copy stands in where auth cannot be asked, or not soon, and is still there. */
async function renew(
  credential: string,
  known: Known<LookedUp>,
  { cache, world }: { readonly cache: IdentityCache<LookedUp>; readonly world: World },
): Promise<Verified> {
  const nowMs = (): number => world.clock.monotonicMs();
  if (nowMs() - known.extra.failedAtMs >= renewRetryMs) {
    const renewed = await inTime(world, cache.renew(credential));
    if (renewed !== undefined) {
      return { identity: renewed.identity, isDegraded: cache.admit(renewed) };
    }
    known.extra.failedAtMs = nowMs();
  }
  // A revocation may have been heard meanwhile: then there is no copy any more.
  if (cache.find(credential) !== known) throw identityFaults.unavailable({ retryAfterMs: 1_000 });
  cache.admit(known);
  return { identity: known.identity, isDegraded: true };
}

/** What it comes to; undefined when auth cannot be asked, or not soon. Throws its refusals. */
function inTime<Value>(world: World, asked: Promise<Value>): Promise<Value | undefined> {
  return new Promise((resolve, reject) => {
    const timer = world.timers.after(renewPatienceMs, () => resolve(undefined));
    asked.then(resolve, (error: unknown) => {
      const isAway = Fault.is(error) && error.reason === "identity.unavailable";
      if (isAway) resolve(undefined);
      else reject(error);
    });
    asked.finally(() => timer.cancel()).catch(() => undefined);
  });
}

async function lookUp(auth: AuthClient, credential: string): Promise<LookUpAnswer> {
  const [kind, text = ""] = credential.split(" ");
  const options = { deadlineMs: lookUpDeadlineMs };
  if (kind === "key") {
    const secretHash = Buffer.from(text, "hex");
    const { identity, refusal, sequence } = await auth.verifyKey({ secretHash }, options);
    return { identity: known(identity), refusal, sequence };
  }
  try {
    const identity = await auth.verifySession({ sessionToken: text }, options);
    return { identity: known(identity), refusal: "", sequence: identity.sequence };
  } catch (error) {
    if (!Fault.is(error) || error.reason !== "auth.session_ended") throw error;
    return { identity: undefined, refusal: "ended", sequence: 0n };
  }
}

function known(identity: Identity | undefined): CallerIdentity | undefined {
  return identity === undefined ? undefined : identityFromContract(identity);
}

/** True for a refusal of the credential itself, not of the moment. */
export function isRefusal(error: unknown): boolean {
  return (
    Fault.is(error) && error.reason in identityFaults.catalogue && error.code === "unauthenticated"
  );
}
