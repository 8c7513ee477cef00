import { join } from "node:path";
import type { Message } from "@bufbuild/protobuf";
import { RuleSnapshotSchema } from "@tandem/contracts/rpc/articles/v1/articles_pb";
import { UpstreamSnapshotSchema } from "@tandem/contracts/rpc/inference/v1/inference_pb";
import { CatalogueSchema } from "@tandem/contracts/rpc/models/v1/models_pb";
import { type Lifecycle, replicasOf, type Site, tellFeed } from "@tandem/libs/service";
import type { Timers } from "@tandem/libs/world";
import type { Clients } from "./clients.ts";
import type { AiConfig } from "./config.ts";
import { ArticleRules } from "./core/context/article-rules.ts";
import { CatalogueHolder } from "./feeds/catalogue-holder.ts";
import {
  followSnapshots,
  restoreSnapshot,
  type SnapshotFeed,
  snapshotPollMs,
} from "./feeds/follow-snapshots.ts";
import {
  articleRulesFromContract,
  catalogueFromContract,
  upstreamsFromContract,
} from "./feeds/from-contract.ts";
import { SnapshotFile } from "./feeds/snapshot-file.ts";
import type { UpstreamParts } from "./upstream/live-upstream.ts";
import { tellUpstreams } from "./upstream/tell-upstreams.ts";
import { UpstreamSet } from "./upstream/upstream-set.ts";

/** Room for the answer of a poll to come back. */
const pollDeadlineMs = snapshotPollMs + 2_000;
const capacityDeadlineMs = 1_000;
const reportPeriodMs = 1_000;
const tickPeriodMs = 250;

export interface Feeds {
  readonly catalogue: CatalogueHolder;
  readonly upstreams: UpstreamSet;
  /** Which projects' chats get articles. */
  readonly articleRules: { readonly current: ArticleRules };
}

interface FeedParts {
  readonly clients: Clients;
  readonly config: AiConfig;
  /** Who decides about the standby of these. */
  readonly groupOf: UpstreamParts["groupOf"];
  readonly vigil: Pick<Timers, "every">;
}

/** What this gateway knows of models and upstreams, from disk at first and then from the services. */
export async function buildFeeds(
  site: Site,
  lifecycle: Lifecycle,
  parts: FeedParts,
): Promise<Feeds> {
  const { clients } = parts;
  const { models, inference } = clients;
  const catalogue = new CatalogueHolder();
  const upstreams = buildUpstreams(site, lifecycle, parts);
  await feedWith(site, lifecycle, {
    name: "catalogue",
    schema: CatalogueSchema,
    versionOf: ({ version }) => version,
    watch: (afterVersion, waitMs) =>
      models.watchCatalogue({ afterVersion, waitMs }, { deadlineMs: pollDeadlineMs }),
    apply: (snapshot) => catalogue.replace(catalogueFromContract(snapshot)),
  });
  await feedWith(site, lifecycle, {
    name: "upstreams",
    schema: UpstreamSnapshotSchema,
    versionOf: ({ version }) => version,
    watch: (afterVersion, waitMs) =>
      inference.watchUpstreams({ afterVersion, waitMs }, { deadlineMs: pollDeadlineMs }),
    apply: (snapshot) => upstreams.apply(upstreamsFromContract(snapshot)),
  });
  lifecycle.check("catalogue", () => catalogue.isLoaded);
  lifecycle.check("upstreams", () => upstreams.isLoaded);
  const articleRules = await feedArticleRules(site, lifecycle, clients);
  return { catalogue, upstreams, articleRules };
}

/** Not waited for: without them projects' chats get articles when they ask. */
async function feedArticleRules(
  site: Site,
  lifecycle: Lifecycle,
  { articles }: Clients,
): Promise<Feeds["articleRules"]> {
  const holder = { current: new ArticleRules([]) };
  await feedWith(site, lifecycle, {
    name: "article-rules",
    schema: RuleSnapshotSchema,
    versionOf: ({ version }) => version,
    watch: (afterVersion, waitMs) =>
      articles.watchRules({ afterVersion, waitMs }, { deadlineMs: pollDeadlineMs }),
    apply: (snapshot) => {
      holder.current = articleRulesFromContract(snapshot);
    },
  });
  return holder;
}

async function feedWith<Snapshot extends Message>(
  site: Site,
  lifecycle: Lifecycle,
  feed: Omit<SnapshotFeed<Snapshot>, "file" | "world" | "log">,
): Promise<void> {
  const { world, log, dataDirectory, keys } = site;
  const path = join(dataDirectory, `${feed.name}.snapshot`);
  const file = new SnapshotFile(path, { secret: keys.apiKeyPepper, world });
  const figures = tellFeed(site, { feed: feed.name, pollMs: snapshotPollMs });
  const whole: SnapshotFeed<Snapshot> = {
    ...{ ...feed, file, world, log },
    async watch(afterVersion, waitMs) {
      const snapshot = await feed.watch(afterVersion, waitMs);
      figures.heard();
      return snapshot;
    },
    apply(snapshot) {
      try {
        feed.apply(snapshot);
        figures.taken();
      } catch (error) {
        figures.refused();
        throw error;
      }
    },
  };
  await restoreSnapshot(whole);
  lifecycle.go(`${feed.name} feed`, (signal) => followSnapshots(whole, signal));
}

function buildUpstreams(
  site: Site,
  lifecycle: Lifecycle,
  { clients, config, groupOf, vigil }: FeedParts,
): UpstreamSet {
  const { world } = site;
  const { inference } = clients;
  const upstreams = new UpstreamSet({
    world,
    get replicas() {
      return replicasOf(site.topology, site.deployable).length;
    },
    queueMax: config.queueMax,
    groupOf,
    async leasePlaces(upstream, wanted, inUse) {
      const request = { holder: site.id, upstream, wanted, inUse };
      const { granted, validMs } = await inference.leaseCapacity(request, {
        deadlineMs: capacityDeadlineMs,
      });
      return { granted, validMs };
    },
  });
  const ticking = vigil.every(tickPeriodMs, () => upstreams.tick());
  const tell = tellUpstreams(site.metrics);
  const reporting = world.timers.every(reportPeriodMs, () => {
    tell(upstreams.all, world.clock.monotonicMs());
    const reports = upstreams.takeReports();
    if (reports.length === 0) return;
    // What is lost here is told again by the next one's figures.
    inference.reportAttempts({ holder: site.id, reports: [...reports] }).catch(() => undefined);
  });
  lifecycle.defer("upstreams", () => {
    ticking.cancel();
    reporting.cancel();
    upstreams.close();
  });
  return upstreams;
}
