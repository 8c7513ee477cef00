/**
 * The `ai` gateway: model requests in DeepSeek's and OpenAI's API, each through twelve named
 * phases. In the steady path it asks nobody: callers, limits, money, catalogue and upstreams are in
 * memory, fed by the services. It makes the attempts at upstreams itself, and ends every answer
 * honestly. Its own fallback: while services are away it goes on with what it knows, marked, within
 * bounds; it starts from the last snapshots on its disk; what it must not lose is in its journal
 * first.
 */

import { createHttpServer, type HttpServer } from "@tandem/libs/http";
import type { Fault } from "@tandem/libs/kernel";
import { RetryBudget } from "@tandem/libs/resilience";
import { createLifecycle, type Replica, type Site } from "@tandem/libs/service";
import { newId } from "@tandem/libs/world";
import { buildShedder } from "./admission.ts";
import { createAnswering } from "./answering.ts";
import { createArticles } from "./articles/articles-source.ts";
import { buildCache } from "./build-cache.ts";
import { buildDesks } from "./build-desks.ts";
import { buildEntrance } from "./build-entrance.ts";
import { buildFailover } from "./build-failover.ts";
import { buildFeeds } from "./build-feeds.ts";
import { buildObserver } from "./build-observer.ts";
import { buildVigil } from "./build-vigil.ts";
import { Flights } from "./cache/flights.ts";
import { createConversations } from "./chat-conversations.ts";
import { connectClients } from "./clients.ts";
import type { AiConfig } from "./config.ts";
import { ResumeBudget } from "./core/splice/resume-budget.ts";
import { errorBody } from "./dialects/openai/error-body.ts";
import { createHandOverSeal } from "./hand-over/hand-over-seal.ts";
import { createIdentities } from "./identities.ts";
import { createManagement } from "./management/management.ts";
import type { AiParts } from "./parts.ts";
import type { ReadParts } from "./reads/read.ts";
import { createRequestSeal } from "./responses/request-seal.ts";
import { ResponseStore } from "./responses/response-store.ts";
import { OpenStreams } from "./upstream/open-streams.ts";

/** Streams may take ten minutes; the host decides how much of that it waits. */
const finishDeadlineMs = 600_000;
/** Of the time there is for an end, what streams get to come to theirs before they are moved. */
const moveShare = 0.8;
const movePeriodMs = 100;

/**
 * Retries at targets that are all believed to be down. Few enough that an outage costs less than
 * one attempt in ten beyond its requests (F30), enough that who is back is found by the next ones.
 */
const outageRetries = { ratio: 0.02, perSecondMin: 1.5, burst: 10 };

export async function run(config: AiConfig, site: Site): Promise<Replica> {
  const lifecycle = createLifecycle(site);
  const { world, log } = site;
  const clients = connectClients(site, lifecycle);
  const { vigil, watchdog, keepAwake } = buildVigil(site, lifecycle);
  const { cache, hotStore } = await buildCache(site, lifecycle, config.cache);
  const failover = buildFailover(site, lifecycle, { hotStore, config: config.failover, vigil });
  const { catalogue, upstreams, articleRules } = await buildFeeds(site, lifecycle, {
    ...{ clients, config, vigil },
    groupOf: (all) => failover.desk.groupOf(all),
  });
  const desks = await buildDesks(site, lifecycle, { clients, config, vigil });
  const identities = createIdentities(site, lifecycle, {
    auth: clients.auth,
    config: config.identity,
  });
  const streams = new OpenStreams();
  const observer = buildObserver(site, lifecycle, { clients, config, streams, vigil });
  keepAwake({ observer, ...desks, ...failover });
  const parts: ReadParts = {
    world,
    log,
    config,
    replicaId: site.id,
    identities,
    catalogue,
    upstreams,
    ...desks,
    cache,
    flights: new Flights(),
    conversations: createConversations({ chat: clients.chat, world, log }),
    articles: createArticles(site, { clients, config, rules: articleRules }),
    watchdog,
    shedder: buildShedder(site, lifecycle, { config: config.shedding, vigil }),
    retryBudget: new RetryBudget(),
    outageBudget: new RetryBudget(outageRetries),
    standbyCost: failover.cost,
    resumeBudget: new ResumeBudget(),
    seal: createHandOverSeal(site.keys.apiKeyPepper),
    responses: new ResponseStore(hotStore, { ttlMs: config.responses.keepMs }),
    streams,
    quota: clients.quota,
    chat: clients.chat,
  };
  const replica = lifecycle.replica(site.address);
  const server = createHttpServer({
    world,
    log,
    onExchange: buildEntrance(lifecycle, {
      parts,
      hotStore,
      requestSeal: createRequestSeal(site.keys.apiKeyPepper, world.randomness),
      next: createAnswering({
        parts,
        observer,
        vigil,
        management: createManagement(site, { clients, identities, hotStore }),
        unreadyChecks: () => replica.unreadyChecks(),
      }),
    }),
    describeRefusal: (fault: Fault) => ({
      contentType: "application/json",
      body: errorBody(fault, newId(world, "req")),
    }),
  });
  await server.listen(site.address);
  const options = { deadlineMs: finishDeadlineMs };
  lifecycle.defer("door", ({ deadlineMs }) => closeDoor(server, parts, deadlineMs), options);
  return replica;
}

/** Streams that take too long are ended in time, for other replicas to go on with. */
async function closeDoor(
  server: HttpServer,
  { world, config, streams }: AiParts,
  deadlineMs: number,
): Promise<void> {
  const patienceMs = Math.min(config.streams.drainMs, deadlineMs * moveShare);
  const untilMs = world.clock.monotonicMs() + patienceMs;
  const mover = world.timers.every(movePeriodMs, () => {
    if (world.clock.monotonicMs() >= untilMs) streams.moveAll();
  });
  await server.close({ deadlineMs }).finally(() => mover.cancel());
}
