import { AnalyticsService } from "@tandem/contracts/rpc/analytics/v1/analytics_pb";
import { ArticlesService } from "@tandem/contracts/rpc/articles/v1/articles_pb";
import { AuthService } from "@tandem/contracts/rpc/auth/v1/auth_pb";
import { ChatService } from "@tandem/contracts/rpc/chat/v1/chat_pb";
import { InferenceService, type Upstream } from "@tandem/contracts/rpc/inference/v1/inference_pb";
import { ModelsService } from "@tandem/contracts/rpc/models/v1/models_pb";
import { MonitoringService } from "@tandem/contracts/rpc/monitoring/v1/monitoring_pb";
import type { Implementation, MessageInit } from "@tandem/libs/rpc";
import { createLifecycle, createVersionFeed, type Site, serveRpc } from "@tandem/libs/service";
import { partly } from "../../../gateways/ai/testing/partly.ts";
import type { History } from "../history.ts";
import type { SimulatedProcess } from "../world/machine.ts";
import type { AuthBooks } from "./auth-books.ts";
import type { SimulatedDatabase } from "./database.ts";

interface ServiceParts {
  readonly site: Site;
  readonly process: SimulatedProcess;
  readonly database: SimulatedDatabase;
}

/** A replica of auth: verification and the revocation feed over books that both replicas share. */
export async function startAuth(
  parts: ServiceParts & { readonly books: AuthBooks },
): Promise<void> {
  const { site, process, books, database } = parts;
  const feed = createVersionFeed(site.world.timers);
  // Told by the database; what is missed while that is away is read a moment later.
  const look = (): void => {
    const read = database.transact(process, () => feed.advance(books.sequence));
    read.catch(() => process.after(100, look));
  };
  books.onRevoked(() => process.after(1, look));
  look();
  const service = partly(AuthService, {
    verifyKey: ({ secretHash }) =>
      database.transact(process, () => {
        const identity = books.find(Buffer.from(secretHash).toString("hex"));
        const now = { sequence: books.sequence };
        return identity === undefined ? { refusal: "unknown", ...now } : { identity, ...now };
      }),
    watchRevocations: async ({ afterSequence, waitMs }, { onAbandon }) => {
      await feed.wait(afterSequence, { waitMs, onAbandon });
      return database.transact(process, () => ({
        sequence: books.sequence,
        revocations: books.revocations.filter((one) => one.sequence > afterSequence),
      }));
    },
    reportKeyUse: () => Promise.resolve({}),
  });
  await serveRpc(site, createLifecycle(site), [service]);
}

/** The consumer of usage: an event has its effect in the transaction that notes its id. */
export async function startAnalytics(
  parts: ServiceParts & { readonly inbox: Set<string>; readonly history: History },
): Promise<void> {
  const { site, process, inbox, database, history } = parts;
  const service = partly(AnalyticsService, {
    recordUsage: async ({ eventId, batch }) => {
      await database.transact(process, () => {
        if (inbox.has(eventId)) return;
        inbox.add(eventId);
        const facts = JSON.parse(Buffer.from(batch).toString()) as {
          readonly id: string;
          readonly chargedNanos: string;
        }[];
        for (const { id, chargedNanos } of facts) {
          const effect = { eventId, requestId: id, chargedNanos: BigInt(chargedNanos) };
          history.effects.push(effect);
        }
      });
      return {};
    },
  });
  await serveRpc(site, createLifecycle(site), [service]);
}

/** What changes rarely: the catalogue, upstreams, articles, chat, monitoring. */
export interface Shelf {
  readonly upstreams: readonly MessageInit<Upstream>[];
  readonly models: readonly string[];
  readonly priceNanos: bigint;
}

export function shelfServices(
  process: SimulatedProcess,
  shelf: Shelf,
): Readonly<Record<string, Implementation>> {
  const feed = createVersionFeed(process.world.timers, 1n);
  const targets = shelf.upstreams.map(({ name = "" }, index) => ({
    ...{ upstream: name, model: "mock-1", weight: 1, order: index + 1 },
  }));
  const models = partly(ModelsService, {
    watchCatalogue: async ({ afterVersion, waitMs }, { onAbandon }) => ({
      version: await feed.wait(afterVersion, { waitMs, onAbandon }),
      models: shelf.models.map((id) => ({
        ...{ id, targets, enabled: true, contextTokens: 32_768, sizeClass: 2 },
      })),
      prices: shelf.models.map((model) => ({
        ...{ id: `prc_${model}`, model, currency: "USD", inputNanos: shelf.priceNanos },
        ...{ cachedInputNanos: shelf.priceNanos, outputNanos: 2n * shelf.priceNanos },
      })),
      defaultModel: shelf.models[0] ?? "",
    }),
  });
  const inference = partly(InferenceService, {
    watchUpstreams: async ({ afterVersion, waitMs }, { onAbandon }) => ({
      version: await feed.wait(afterVersion, { waitMs, onAbandon }),
      upstreams: [...shelf.upstreams],
    }),
    reportAttempts: () => Promise.resolve({}),
    leaseCapacity: ({ wanted }) => Promise.resolve({ granted: wanted, validMs: 2_000 }),
  });
  const articles = partly(ArticlesService, {
    watchRules: async ({ afterVersion, waitMs }, { onAbandon }) => ({
      version: await feed.wait(afterVersion, { waitMs, onAbandon }),
    }),
  });
  const monitoring = partly(MonitoringService, { recordRequests: () => Promise.resolve({}) });
  return { models, inference, articles, chat: partly(ChatService, {}), monitoring };
}
