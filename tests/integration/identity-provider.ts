/**
 * A real OpenID Connect provider (`oidc-provider`) on loopback, whose people need no password, and
 * in front of it somebody who can make it slow, silent, or a liar.
 */
import { createSign, generateKeyPairSync, type KeyObject } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import Provider, { type Configuration, type JWK } from "oidc-provider";

export interface Person {
  readonly email?: string;
  readonly email_verified?: boolean;
  readonly name?: string;
}

export interface IdentityProvider {
  readonly issuer: string;
  /** By subject; who is signed in there is `current`. */
  readonly people: Map<string, Person>;
  current: string;
  /** Answers in the provider's place where it returns true. */
  intercept: ((path: string, response: ServerResponse) => boolean) | undefined;
  /** New signing keys; the old ones are forgotten. */
  rotateKeys(): void;
  /** An ID token signed with the keys in force, or those before them. */
  signToken(claims: object, keys?: "current" | "previous"): string;
  close(): Promise<void>;
}

interface Keys {
  readonly id: string;
  readonly privateKey: KeyObject;
}

export const clientId = "tandem";
export const clientSecret = "a-client-secret-for-tests";

export async function startIdentityProvider(redirectUri: string): Promise<IdentityProvider> {
  const people = new Map<string, Person>();
  let keys = newKeys(1);
  let previous = keys;
  let handle: (request: IncomingMessage, response: ServerResponse) => void = () => undefined;
  const server = createServer((request, response) => {
    const path = (request.url ?? "").split("?")[0] ?? "";
    if (opened.intercept?.(path, response) === true) return;
    handle(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const opened: IdentityProvider = {
    issuer,
    people,
    current: "",
    intercept: undefined,
    rotateKeys() {
      previous = keys;
      keys = newKeys(Number(keys.id) + 1);
      mount();
    },
    signToken: (claims, which = "current") => sign(claims, which === "current" ? keys : previous),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  const mount = (): void => {
    handle = providerHandler({ issuer, redirectUri, keys, people, current: () => opened.current });
  };
  mount();
  return opened;
}

function providerHandler(given: {
  readonly issuer: string;
  readonly redirectUri: string;
  readonly keys: Keys;
  readonly people: ReadonlyMap<string, Person>;
  readonly current: () => string;
}): (request: IncomingMessage, response: ServerResponse) => void {
  const { issuer, people } = given;
  const provider = new Provider(issuer, {
    ...configuration(given),
    findAccount: (_context, id) => ({
      accountId: id,
      claims: () => Promise.resolve({ sub: id, ...people.get(id) }),
    }),
    async loadExistingGrant(context) {
      const grant = new context.oidc.provider.Grant({
        clientId,
        accountId: context.oidc.session?.accountId ?? "",
      });
      grant.addOIDCScope("openid email profile");
      await grant.save();
      return grant;
    },
  });
  const answer = provider.callback();
  return (request, response) => {
    if (request.url?.startsWith("/interaction/") === true) {
      const login = { login: { accountId: given.current() } };
      void provider.interactionFinished(request, response, login);
    } else void answer(request, response);
  };
}

function configuration({
  redirectUri,
  keys,
}: {
  readonly redirectUri: string;
  readonly keys: Keys;
}): Configuration {
  const jwk = {
    ...keys.privateKey.export({ format: "jwk" }),
    ...{ kid: keys.id, alg: "RS256", use: "sig" },
  } as JWK;
  return {
    clients: [
      { client_id: clientId, client_secret: clientSecret, redirect_uris: [redirectUri] },
      // Whom tokens of another audience are for.
      { client_id: "somebody-else", client_secret: "x", redirect_uris: [redirectUri] },
    ],
    jwks: { keys: [jwk] },
    pkce: { required: () => true },
    conformIdTokenClaims: false,
    claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"] },
    interactions: { url: (_context, interaction) => `/interaction/${interaction.uid}` },
    features: { devInteractions: { enabled: false } },
    cookies: { keys: ["a key for cookies of tests"] },
    ttl: { Interaction: 600, Session: 600, Grant: 600, AccessToken: 600, IdToken: 600 },
  };
}

function newKeys(serial: number): Keys {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  return { id: String(serial), privateKey };
}

function sign(claims: object, { id, privateKey }: Keys): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const text = `${part({ alg: "RS256", typ: "JWT", kid: id })}.${part(claims)}`;
  const signature = createSign("sha256").update(text).sign(privateKey, "base64url");
  return `${text}.${signature}`;
}
