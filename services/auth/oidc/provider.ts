/**
 * One OpenID Connect provider: authorization code with PKCE, state and nonce, its description and
 * its keys from discovery (OpenID Connect Core 1.0; RFC 7636; RFC 9207). What it says of itself is
 * kept for ten minutes, and beyond that while it cannot be asked; its keys are fetched anew when a
 * token names one that is not known, so that it may change them at any time.
 */
import type { World } from "@tandem/libs/world";
import * as oauth from "oauth4webapi";
import type { Config } from "../config.ts";
import { authFaults } from "../faults.ts";
import { boundedFetch, type Fetch } from "./bounded-fetch.ts";
import { providerFault } from "./provider-faults.ts";

export type ProviderSettings = Config["oidc"]["providers"][number];

/** What is checked when the browser comes back. */
export interface Expected {
  readonly state: string;
  readonly nonce: string;
  readonly codeVerifier: string;
}

/** What the provider says of the person. */
export interface ProviderClaims {
  readonly issuer: string;
  readonly subject: string;
  /** In lower case; empty when it tells none. */
  readonly email: string;
  readonly isEmailVerified: boolean;
  readonly name: string;
}

interface Described {
  readonly server: oauth.AuthorizationServer;
  readonly atMs: number;
}

const freshMs = 600_000;
const staleMs = 24 * 3_600_000;
const retryMs = 2_000;
const clockToleranceSeconds = 30;
const signInsAtOnceMax = 32;
const nameLengthMax = 100;

export class OidcProvider {
  readonly settings: ProviderSettings;
  readonly #redirectUri: string;
  readonly #world: World;
  readonly #client: oauth.Client;
  readonly #options: {
    readonly [oauth.customFetch]: Fetch;
    readonly [oauth.allowInsecureRequests]: boolean;
  };
  #described: Described | undefined;
  #describing: Promise<oauth.AuthorizationServer> | undefined;
  #failedAtMs = Number.NEGATIVE_INFINITY;
  #underWay = 0;

  constructor(
    settings: ProviderSettings,
    given: { readonly redirectUri: string; readonly timeoutMs: number; readonly world: World },
  ) {
    this.settings = settings;
    this.#redirectUri = given.redirectUri;
    this.#world = given.world;
    this.#client = {
      client_id: settings.clientId,
      [oauth.clockTolerance]: clockToleranceSeconds,
    };
    this.#options = {
      [oauth.customFetch]: boundedFetch(given.timeoutMs),
      // Only for an issuer that says so itself, which `run` lets pass for this machine alone.
      [oauth.allowInsecureRequests]: settings.issuer.startsWith("http:"),
    };
  }

  /** Where the browser goes. Throws `auth.provider_unavailable`. */
  async authorizationUrl({ state, nonce, codeVerifier }: Expected): Promise<string> {
    const server = await this.#server();
    const endpoint = server.authorization_endpoint;
    if (endpoint === undefined) throw authFaults.provider_misconfigured();
    const url = new URL(endpoint);
    const parameters = {
      response_type: "code",
      client_id: this.settings.clientId,
      redirect_uri: this.#redirectUri,
      scope: this.settings.scopes,
      state,
      nonce,
      code_challenge: await oauth.calculatePKCECodeChallenge(codeVerifier),
      code_challenge_method: "S256",
    };
    for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
    return url.href;
  }

  /**
   * Turns what the browser brought back into the person's claims. Throws `auth.provider_…`, and
   * `auth.sign_in_busy` when too many are at it.
   */
  async redeem(callback: URLSearchParams, expected: Expected): Promise<ProviderClaims> {
    if (this.#underWay >= signInsAtOnceMax) throw authFaults.sign_in_busy({ retryAfterMs: 1_000 });
    this.#underWay += 1;
    try {
      return await this.#redeem(callback, expected);
    } catch (error) {
      throw providerFault(error, this.settings.name);
    } finally {
      this.#underWay -= 1;
    }
  }

  async #redeem(callback: URLSearchParams, expected: Expected): Promise<ProviderClaims> {
    const server = await this.#server();
    const parameters = oauth.validateAuthResponse(server, this.#client, callback, expected.state);
    const response = await oauth.authorizationCodeGrantRequest(
      server,
      this.#client,
      this.#authenticationAt(server),
      parameters,
      this.#redirectUri,
      expected.codeVerifier,
      this.#options,
    );
    if (response.status >= 500) throw new Error(`the token endpoint answers ${response.status}`);
    const tokens = await oauth.processAuthorizationCodeResponse(server, this.#client, response, {
      expectedNonce: expected.nonce,
      requireIdToken: true,
    });
    await this.#checkSignature(server, response);
    const claims = oauth.getValidatedIdTokenClaims(tokens);
    if (claims === undefined) throw authFaults.provider_word_invalid();
    const told = claims["email"] === undefined ? await this.#userInfo(server, tokens, claims) : {};
    return claimsFrom({ ...claims, ...told, sub: claims.sub, iss: claims.iss });
  }

  #authenticationAt(server: oauth.AuthorizationServer): oauth.ClientAuth {
    const secret = this.settings.clientSecret?.reveal();
    if (secret === undefined) return oauth.None();
    const methods = server.token_endpoint_auth_methods_supported ?? ["client_secret_basic"];
    return methods.includes("client_secret_basic")
      ? oauth.ClientSecretBasic(secret)
      : oauth.ClientSecretPost(secret);
  }

  /** With keys that are asked for once more when the token names one that nobody knows. */
  async #checkSignature(server: oauth.AuthorizationServer, response: Response): Promise<void> {
    try {
      await oauth.validateApplicationLevelSignature(server, response, this.#options);
    } catch (error) {
      const isUnknownKey =
        error instanceof oauth.OperationProcessingError && error.code === oauth.KEY_SELECTION;
      if (!isUnknownKey) throw error;
      const anew = await this.#describe();
      await oauth.validateApplicationLevelSignature(anew, response, this.#options);
    }
  }

  /** For providers that put the address into no token. */
  async #userInfo(
    server: oauth.AuthorizationServer,
    tokens: oauth.TokenEndpointResponse,
    { sub }: oauth.IDToken,
  ): Promise<Readonly<Record<string, unknown>>> {
    if (server.userinfo_endpoint === undefined) return {};
    const response = await oauth.userInfoRequest(
      server,
      this.#client,
      tokens.access_token,
      this.#options,
    );
    return oauth.processUserInfoResponse(server, this.#client, sub, response);
  }

  async #server(): Promise<oauth.AuthorizationServer> {
    const known = this.#described;
    const nowMs = this.#world.clock.monotonicMs();
    if (known !== undefined && nowMs - known.atMs < freshMs) return known.server;
    const mayStandIn = known !== undefined && nowMs - known.atMs < staleMs;
    if (mayStandIn && nowMs - this.#failedAtMs < retryMs) return known.server;
    try {
      return await this.#describe();
    } catch (error) {
      if (mayStandIn) return known.server;
      throw error;
    }
  }

  /** Asks the provider about itself, once for all who wait; its keys are unknown afterwards. */
  #describe(): Promise<oauth.AuthorizationServer> {
    this.#describing ??= this.#discover().finally(() => {
      this.#describing = undefined;
    });
    return this.#describing;
  }

  async #discover(): Promise<oauth.AuthorizationServer> {
    const nowMs = (): number => this.#world.clock.monotonicMs();
    if (this.#described === undefined && nowMs() - this.#failedAtMs < retryMs) {
      throw authFaults.provider_unavailable({ retryAfterMs: retryMs });
    }
    try {
      const issuer = new URL(this.settings.issuer);
      const response = await oauth.discoveryRequest(issuer, this.#options);
      const server = await oauth.processDiscoveryResponse(issuer, response);
      this.#described = { server, atMs: nowMs() };
      return server;
    } catch (error) {
      this.#failedAtMs = nowMs();
      throw providerFault(error, this.settings.name);
    }
  }
}

function claimsFrom(claims: Readonly<Record<string, unknown>>): ProviderClaims {
  const text = (name: string): string => {
    const value = claims[name];
    return typeof value === "string" ? value : "";
  };
  return {
    issuer: text("iss"),
    subject: text("sub"),
    email: text("email").trim().toLowerCase(),
    // Some providers send it as text.
    isEmailVerified: claims["email_verified"] === true || claims["email_verified"] === "true",
    name: text("name")
      .replaceAll(/\p{Cc}/gu, " ")
      .trim()
      .slice(0, nameLengthMax),
  };
}
