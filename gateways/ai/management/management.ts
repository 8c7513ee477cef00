/**
 * This gateway's part of the management plane, by the rest server that all gateways share. Callers
 * come with an API key; the console's sessions are for the `access` gateway.
 */
import {
  type Authenticate,
  createIdempotency,
  createRestHandler,
  createStaleAnswers,
  hasApiKeyForm,
  identityFaults,
  restFaults,
} from "@tandem/libs/gateway";
import type { ExchangeHandler } from "@tandem/libs/http";
import { replicasOf, type Site } from "@tandem/libs/service";
import type { HotStore } from "@tandem/libs/store/hot";
import type { Clients } from "../clients.ts";
import { credentialOf, keyOf } from "../credential.ts";
import { FailoverBoard } from "../failover/failover-board.ts";
import type { KnownCallers } from "../known-callers.ts";
import { managementRoutes } from "./index.ts";
import type { FailoverView } from "./services.ts";

export interface ManagementParts {
  readonly clients: Clients;
  readonly identities: KnownCallers;
  readonly hotStore: HotStore;
}

const deadlineMs = 15_000;
const staleAfterMs = 1_000;
const staleAgeMsMax = 600_000;
const staleBytesMax = 4 * 1024 * 1024;

export function createManagement(site: Site, parts: ManagementParts): ExchangeHandler {
  const { world, log, metrics, keys } = site;
  return createRestHandler({
    table: managementRoutes(),
    services: { ...parts.clients, failover: failoverView(site, parts.hotStore) },
    authenticate: authenticateByKey(parts.identities),
    idempotency: createIdempotency({
      store: parts.hotStore,
      secret: keys.apiKeyPepper,
      world,
    }),
    stale: createStaleAnswers({
      bytesMax: staleBytesMax,
      ageMsMax: staleAgeMsMax,
      monotonicMs: () => world.clock.monotonicMs(),
    }),
    world,
    log,
    metrics,
    component: "ai",
    deadlineMs,
    staleAfterMs,
  });
}

/** Of all gateway replicas, by what they last told the shared store. */
function failoverView({ topology, deployable }: Site, hotStore: HotStore): FailoverView {
  const board = new FailoverBoard(hotStore);
  const replicas = replicasOf(topology, deployable);
  return {
    boards: () =>
      Promise.all(replicas.map(async ({ id }) => ({ replica: id, board: await board.read(id) }))),
    pinOf: (group) => board.pinOf(group),
    pin: (group, side, life) => board.pin(group, side, life),
  };
}

function authenticateByKey(identities: KnownCallers): Authenticate {
  return async ({ exchange, remoteAddress }) => {
    const { headers } = exchange.head;
    if (!headers.has("authorization") && !headers.has("x-api-key")) return undefined;
    const credential = credentialOf(headers);
    if (!hasApiKeyForm(keyOf(credential))) throw identityFaults.invalid();
    const known = identities.find(credential) ?? (await identities.resolve(credential));
    const isDegraded = identities.admit(known);
    const { identity } = known;
    if (!identity.mayComeFrom(remoteAddress)) throw restFaults.address_refused();
    const { claims, permissions } = identity;
    return { claims, permissions, actor: claims.keyId || claims.userId, via: "key", isDegraded };
  };
}
