import { createHash, createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import { rpcFaults } from "./faults.ts";

/** Whom a call is made for. Empty strings where there is nobody: the platform itself. */
export interface PassportClaims {
  readonly organisationId: string;
  readonly projectId: string;
  readonly userId: string;
  readonly keyId: string;
  readonly sessionId: string;
  readonly scopes: readonly string[];
  readonly roles: readonly string[];
}

/** The signed, short-lived internal identity of a call. */
export interface Passport extends PassportClaims {
  /** The deployable that signed it. */
  readonly issuer: string;
  /** The deployable it is meant for; others refuse it. */
  readonly audience: string;
  readonly expiresAtMs: number;
  /** Which of the issuer's keys it is signed with; a release before rotation did not say. */
  readonly signingKeyId?: string;
}

export interface PassportSigner {
  /** A passport in its text form, valid for 30 s; the same text again while half of them remain. */
  signFor(audience: string, claims?: PassportClaims): string;
}

export interface PassportVerifier {
  /** Throws `rpc.passport_refused` for what is forged, expired, foreign or not allowed to call. */
  verify(text: string | undefined): Passport;
}

const lifetimeMs = 30_000;
/** Clocks of two machines may differ by this much. */
const skewMs = 60_000;
const cacheSize = 4096;

export const platformClaims: PassportClaims = {
  organisationId: "",
  projectId: "",
  userId: "",
  keyId: "",
  sessionId: "",
  scopes: [],
  roles: [],
};

/** Keeps the newest entries; forgets the oldest half when full, which costs less than an LRU. */
function createBoundedCache<Value>(): Map<string, Value> & { keep(key: string, v: Value): void } {
  const cache = new Map<string, Value>();
  return Object.assign(cache, {
    keep(key: string, value: Value): void {
      if (cache.size >= cacheSize) {
        let remaining = cacheSize / 2;
        for (const old of cache.keys()) {
          if (remaining === 0) break;
          cache.delete(old);
          remaining -= 1;
        }
      }
      cache.set(key, value);
    },
  });
}

/** Names a key pair by its public half. */
function keyIdOf(key: KeyObject): string {
  const publicKey = key.type === "private" ? createPublicKey(key) : key;
  const bytes = publicKey.export({ format: "der", type: "spki" });
  return createHash("sha256").update(bytes).digest("base64url").slice(0, 16);
}

/** What was signed with a key is forgotten once another one is there. */
export function createPassportSigner(options: {
  readonly issuer: string;
  /** As it is at the moment; the same object until it changes. */
  readonly privateKey: () => KeyObject;
  readonly nowMs: () => number;
}): PassportSigner {
  const signed = createBoundedCache<{ text: string; expiresAtMs: number }>();
  let privateKey: KeyObject | undefined;
  let signingKeyId = "";
  return {
    signFor(audience, claims = platformClaims) {
      const key = options.privateKey();
      if (key !== privateKey) {
        privateKey = key;
        signingKeyId = keyIdOf(key);
        signed.clear();
      }
      const subject = JSON.stringify([audience, claims]);
      const nowMs = options.nowMs();
      const existing = signed.get(subject);
      if (existing !== undefined && existing.expiresAtMs - nowMs > lifetimeMs / 2) {
        return existing.text;
      }
      const passport: Passport = {
        ...claims,
        issuer: options.issuer,
        audience,
        expiresAtMs: nowMs + lifetimeMs,
        signingKeyId,
      };
      const payload = Buffer.from(JSON.stringify(passport));
      const signature = sign(null, payload, key);
      const text = `${payload.toString("base64url")}.${signature.toString("base64url")}`;
      signed.keep(subject, { text, expiresAtMs: passport.expiresAtMs });
      return text;
    },
  };
}

/** Several of an issuer while its key is rotated. */
export type PassportPublicKeys = ReadonlyMap<string, readonly KeyObject[]>;

/** By issuer, then by id. */
function byId(keys: PassportPublicKeys): ReadonlyMap<string, ReadonlyMap<string, KeyObject>> {
  const entries = [...keys].map(
    ([issuer, own]) => [issuer, new Map(own.map((key) => [keyIdOf(key), key]))] as const,
  );
  return new Map(entries);
}

/** What was found good is looked at again once the keys are others: a key that is gone opens nothing. */
export function createPassportVerifier(options: {
  readonly audience: string;
  /** By issuer, as they are at the moment; the same map until it changes. */
  readonly publicKeys: () => PassportPublicKeys;
  /** Whether the topology lets this issuer call here. */
  readonly mayCall: (issuer: string) => boolean;
  readonly nowMs: () => number;
}): PassportVerifier {
  const verified = createBoundedCache<Passport>();
  let publicKeys: PassportPublicKeys | undefined;
  let accepted: ReturnType<typeof byId> = new Map();
  const refuse = (detail: string): never => {
    throw rpcFaults.passport_refused({ detail });
  };
  const check = (text: string): Passport => {
    const dot = text.indexOf(".");
    if (dot < 1) return refuse("not of the form payload.signature");
    const payload = Buffer.from(text.slice(0, dot), "base64url");
    const passport = parsePassport(payload);
    const { issuer, signingKeyId } = passport;
    const own = accepted.get(issuer);
    if (own === undefined) return refuse(`no key of issuer "${issuer}"`);
    const named = [...own].filter(([id]) => signingKeyId === undefined || id === signingKeyId);
    if (named.length === 0) return refuse(`key ${signingKeyId} of "${issuer}" is not accepted`);
    const signature = Buffer.from(text.slice(dot + 1), "base64url");
    if (!named.some(([, key]) => verify(null, payload, key, signature))) {
      return refuse("signature does not match");
    }
    if (passport.audience !== options.audience) {
      return refuse(`meant for "${passport.audience}", not "${options.audience}"`);
    }
    if (!options.mayCall(passport.issuer)) {
      return refuse(`the topology does not let "${passport.issuer}" call here`);
    }
    return passport;
  };
  return {
    verify(text) {
      if (text === undefined) return refuse("no passport");
      const keys = options.publicKeys();
      if (keys !== publicKeys) {
        publicKeys = keys;
        accepted = byId(keys);
        verified.clear();
      }
      let passport = verified.get(text);
      if (passport === undefined) {
        passport = check(text);
        verified.keep(text, passport);
      }
      if (passport.expiresAtMs + skewMs < options.nowMs()) return refuse("expired");
      return passport;
    },
  };
}

function parsePassport(payload: Buffer): Passport {
  try {
    const value = JSON.parse(payload.toString()) as Partial<Passport> | null;
    if (typeof value?.issuer === "string" && typeof value.expiresAtMs === "number") {
      return value as Passport;
    }
  } catch {
    // Refused below like every other text that is no passport.
  }
  throw rpcFaults.passport_refused({ detail: "the payload is no passport" });
}
