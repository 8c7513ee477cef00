import type { IdentityCache } from "@tandem/libs/gateway";
import type { ExchangeHandler } from "@tandem/libs/http";
import type { Site } from "@tandem/libs/service";
import type { HotStore } from "@tandem/libs/store";
import type { Clients } from "../clients.ts";

export interface ManagementParts {
  readonly clients: Clients;
  readonly identities: IdentityCache<null>;
  readonly hotStore: HotStore;
}

export function createManagement(_site: Site, _parts: ManagementParts): ExchangeHandler {
  return (exchange) => exchange.respond(404, [["content-type", "text/plain"]], "soon\n");
}
