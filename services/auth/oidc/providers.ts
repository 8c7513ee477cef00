import { Fault } from "@tandem/libs/kernel";
import type { World } from "@tandem/libs/world";
import type { Config } from "../config.ts";
import { OidcProvider } from "./provider.ts";

/** Where providers send browsers back to, below the public address. */
export const callbackPath = "/api/v1/sign-in/callback";

/** The providers of the configuration, by name. Throws for settings that contradict each other. */
export function createProviders(
  { publicUrl, timeoutMs, providers }: Config["oidc"],
  world: World,
): ReadonlyMap<string, OidcProvider> {
  if (providers.length > 0 && publicUrl === "") {
    throw misconfigured(
      "auth.oidc.publicUrl is missing: providers have to know where to send browsers back to.",
    );
  }
  const given = { redirectUri: `${publicUrl}${callbackPath}`, timeoutMs, world };
  const byName = new Map(providers.map((each) => [each.name, new OidcProvider(each, given)]));
  if (byName.size < providers.length) {
    throw misconfigured("auth.oidc.providers has a name twice.");
  }
  return byName;
}

function misconfigured(publicMessage: string): Fault {
  return new Fault({ code: "invalid_argument", reason: "config.invalid", publicMessage });
}
