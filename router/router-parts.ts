import type { HeaderFields } from "@tandem/libs/http";
import type { Log } from "@tandem/libs/telemetry";
import type { World } from "@tandem/libs/world";
import type { Config } from "./config.ts";
import type { CrossOrigin } from "./core/cross-origin.ts";
import type { TrustedProxies } from "./phases/client-address.ts";

/** What the phases share. Built once, in `run.ts`. */
export interface RouterParts {
  readonly config: Config;
  readonly world: World;
  readonly log: Log;
  /** How callers are told apart and described to the gateways. */
  readonly forwarding: { readonly trusted: TrustedProxies; readonly isTls: boolean };
  readonly crossOrigin: CrossOrigin;
  readonly dateField: () => HeaderFields[number];
}
