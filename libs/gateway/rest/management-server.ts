/**
 * A gateway of the management plane, built from its routes: callers by key or session, idempotency,
 * copies that stand in, probes, and the door. What the gateways of this plane have in common.
 */
import { createHttpServer, type Exchange, type ExchangeHandler } from "../../http/index.ts";
import type { Fault } from "../../kernel/index.ts";
import { type Lifecycle, type Replica, type Site, tellFeed } from "../../service/index.ts";
import type { HotStore } from "../../store/hot/index.ts";
import { newId } from "../../world/index.ts";
import { type AuthClient, createIdentities } from "../identity/identities.ts";
import { revocationPollMs } from "../identity/revocation-feed.ts";
import { faultToProblem, problemMediaType } from "../problem.ts";
import { csrfTokenOf } from "../session-cookie.ts";
import { createAuthenticate } from "./credentials.ts";
import { createIdempotency } from "./idempotency.ts";
import type { ManagementConfig } from "./management-config.ts";
import { createRestHandler } from "./rest-handler.ts";
import type { Route } from "./route.ts";
import { createRouteTable } from "./route-table.ts";
import { createStaleAnswers } from "./stale-answers.ts";

const finishDeadlineMs = 30_000;

/** Serves the routes on the site's address; the replica that it gives is ready at once. */
export async function serveManagement<Services>(options: {
  readonly site: Site;
  readonly lifecycle: Lifecycle;
  readonly config: ManagementConfig;
  readonly hotStore: HotStore;
  readonly auth: AuthClient;
  readonly routes: readonly Route<Services>[];
  readonly services: Services;
}): Promise<Replica> {
  const { site, lifecycle, config, hotStore, auth } = options;
  const { world, log, metrics, keys } = site;
  const pepper = keys.apiKeyPepper;
  const feed = tellFeed(site, { feed: "revocations", pollMs: revocationPollMs });
  const identities = createIdentities({
    onHeard: () => feed.heard(),
    ...{ auth, pepper, world, lifecycle },
    capacity: config.identitiesMax,
    outageMsMax: config.identityOutageMs,
    goneMsMax: config.identityGoneMs,
  });
  const handler = createRestHandler({
    table: createRouteTable(options.routes),
    services: options.services,
    authenticate: createAuthenticate({
      identities,
      csrfTokenOf: (token) => csrfTokenOf(pepper, token),
    }),
    idempotency: createIdempotency({ store: hotStore, secret: pepper, world }),
    stale: createStaleAnswers({
      bytesMax: config.staleBytesMax,
      ageMsMax: config.staleAgeMax,
      monotonicMs: () => world.clock.monotonicMs(),
      shared: { store: hotStore, secret: pepper, world },
    }),
    ...{ world, log, metrics },
    component: site.deployable,
    deadlineMs: config.requestDeadlineMs,
    staleAfterMs: config.staleAfterMs,
  });
  const replica = lifecycle.replica(site.address);
  const describeRefusal = (fault: Fault) => ({
    contentType: problemMediaType,
    body: JSON.stringify(faultToProblem(fault, newId(world, "req"))),
  });
  const onExchange = withProbes(handler, replica);
  const server = createHttpServer({ onExchange, world, log, describeRefusal });
  await server.listen(site.address);
  lifecycle.defer("door", (closing) => server.close(closing), { deadlineMs: finishDeadlineMs });
  return replica;
}

/** `/livez` and `/readyz` beside the routes; a gateway that can answer from copies is ready. */
function withProbes(handler: ExchangeHandler, replica: Replica): ExchangeHandler {
  const answer = (exchange: Exchange, unready: readonly string[]): void => {
    const text = unready.length === 0 ? "ok\n" : `waiting for ${unready.join(", ")}\n`;
    const status = unready.length === 0 ? 200 : 503;
    exchange.respond(status, [["content-type", "text/plain"]], text);
  };
  return (exchange) => {
    const { path } = exchange.head;
    if (path === "/livez") answer(exchange, []);
    else if (path === "/readyz") answer(exchange, replica.unreadyChecks());
    else handler(exchange);
  };
}
