/**
 * The services around the gateway, in memory and under the test's control, behind their real
 * contracts; and the gateway itself, started as its host starts it.
 */

import type { Identity } from "@tandem/contracts/rpc/auth/v1/auth_pb";
import { AuthService } from "@tandem/contracts/rpc/auth/v1/auth_pb";
import { ChatService } from "@tandem/contracts/rpc/chat/v1/chat_pb";
import type { Upstream } from "@tandem/contracts/rpc/inference/v1/inference_pb";
import { InferenceService } from "@tandem/contracts/rpc/inference/v1/inference_pb";
import type { Model, Price } from "@tandem/contracts/rpc/models/v1/models_pb";
import { ModelsService } from "@tandem/contracts/rpc/models/v1/models_pb";
import {
  MonitoringService,
  type RequestRecord,
} from "@tandem/contracts/rpc/monitoring/v1/monitoring_pb";
import { loadConfig } from "@tandem/libs/config";
import { formApiKey, hashApiKey } from "@tandem/libs/gateway";
import { defineFaults } from "@tandem/libs/kernel";
import type { Implementation, MessageInit } from "@tandem/libs/rpc";
import { createLifecycle, createVersionFeed, type Replica, serveRpc } from "@tandem/libs/service";
import { createTestHouse, type TestHouse } from "@tandem/libs/testing";
import { realWorld } from "@tandem/libs/world";
import { configSchema } from "../config.ts";
import { run } from "../run.ts";
import { FakeArticles } from "./fake-articles.ts";
import { FakeQuota } from "./fake-quota.ts";
import { partly } from "./partly.ts";

const services = [
  ...(["auth", "quota", "articles", "chat"] as const),
  ...(["models", "inference", "monitoring"] as const),
] as const;
type ServiceName = (typeof services)[number];

const world = realWorld();

const fakeFaults = defineFaults("monitoring", {
  request_not_found: {
    code: "not_found",
    blame: "client",
    retry: "after_delay",
    publicMessage: "Nothing is known of a request with this id.",
  },
});

export class FakePlatform {
  readonly house: TestHouse;
  readonly quota = new FakeQuota();
  readonly articles = new FakeArticles();
  readonly records: RequestRecord[] = [];
  /** Messages by conversation, as JSON. */
  readonly conversations = new Map<string, string[]>();
  readonly calls = { verifyKey: 0 };
  /** Ids of keys, as often as a gateway reported their use. */
  readonly reportedKeys: string[] = [];
  /** Organisations in whose name something was managed, as passports said. */
  readonly managers: string[] = [];
  readonly #keys = new Map<string, MessageInit<Identity>>();
  readonly #revoked: { sequence: bigint; keyId: string }[] = [];
  readonly #revocations = createVersionFeed(world.timers);
  readonly #catalogue = createVersionFeed(world.timers, 1n);
  readonly #upstreamFeed = createVersionFeed(world.timers, 1n);
  #models: MessageInit<Model>[] = [];
  #prices: MessageInit<Price>[] = [];
  #upstreams: MessageInit<Upstream>[] = [];
  readonly #running = new Map<ServiceName, Replica>();

  constructor() {
    this.house = createTestHouse({
      replicas: [...services.map((name) => `${name}/1` as const), "ai/1", "ai/2", "ai/3"],
      calls: { ai: services },
    });
  }

  /** Starts every service that is not running. */
  async start(): Promise<void> {
    for (const name of services) if (!this.#running.has(name)) await this.startOne(name);
  }

  async startOne(name: ServiceName): Promise<void> {
    const site = this.house.site(`${name}/1`);
    const replica = await serveRpc(site, createLifecycle(site), [this.#implementation(name)]);
    this.#running.set(name, replica);
  }

  async stopOne(name: ServiceName): Promise<void> {
    const replica = this.#running.get(name);
    this.#running.delete(name);
    await replica?.close({ deadlineMs: 0 });
  }

  async close(): Promise<void> {
    for (const name of services) await this.stopOne(name);
    this.house.close();
  }

  /** A gateway over these services, ready. */
  async startGateway(
    settings: Readonly<Record<string, unknown>> = {},
    where: { readonly name?: "ai/1" | "ai/2" | "ai/3"; readonly hotStoreUrl?: string } = {},
  ): Promise<Replica> {
    const { name = "ai/1", hotStoreUrl } = where;
    const site = this.house.site(name, {
      settings,
      ...(hotStoreUrl === undefined ? {} : { hotStoreUrl }),
    });
    const replica = await run(loadConfig(configSchema, site), site);
    const untilMs = world.clock.monotonicMs() + 5_000;
    while (replica.unreadyChecks().length > 0) {
      if (world.clock.monotonicMs() > untilMs) {
        throw new Error(`the gateway waits for ${replica.unreadyChecks().join(", ")}`);
      }
      await new Promise(setImmediate);
    }
    return replica;
  }

  /** A new key; its organisation has a wallet of 10 USD unless told otherwise. */
  addKey(part: MessageInit<Identity> = {}, walletNanos = 10_000_000_000n): string {
    const key = formApiKey("test", (length) => world.randomness.bytes(length));
    const pepper = new Uint8Array(32).fill(7);
    const hash = Buffer.from(hashApiKey(key, pepper)).toString("hex");
    const number = this.#keys.size + 1;
    const organisationId = part.organisationId ?? `org_${number}`;
    this.#keys.set(hash, {
      keyId: `key_${number}`,
      projectId: "prj_1",
      scopes: ["inference"],
      ...part,
      organisationId,
    });
    if (!this.quota.available.has(organisationId)) {
      this.quota.available.set(organisationId, walletNanos);
    }
    return key;
  }

  revoke(keyId: string): void {
    const sequence = this.#revocations.version + 1n;
    for (const [hash, identity] of this.#keys) {
      if (identity.keyId === keyId) this.#keys.delete(hash);
    }
    this.#revoked.push({ sequence, keyId });
    this.#revocations.advance(sequence);
  }

  setUpstreams(upstreams: readonly MessageInit<Upstream>[]): void {
    this.#upstreams = upstreams.map((upstream) => ({
      profile: "openai",
      enabled: true,
      firstTokenTimeoutMs: 2_000,
      idleTimeoutMs: 2_000,
      totalTimeoutMs: 20_000,
      role: "primary",
      state: "up",
      ...upstream,
    }));
    this.#upstreamFeed.advance(this.#upstreamFeed.version + 1n);
  }

  setModels(
    models: readonly MessageInit<Model>[],
    prices: readonly MessageInit<Price>[] = [],
  ): void {
    this.#models = models.map((model) => ({
      enabled: true,
      contextTokens: 32_768,
      sizeClass: 2,
      ...model,
    }));
    this.#prices = [...prices];
    this.#catalogue.advance(this.#catalogue.version + 1n);
  }

  #implementation(name: ServiceName): Implementation {
    switch (name) {
      case "auth":
        return this.#auth();
      case "quota":
        return this.quota.implementation();
      case "articles":
        return this.articles.implementation();
      case "chat":
        return this.#chat();
      case "models":
        return partly(ModelsService, {
          watchCatalogue: async ({ afterVersion, waitMs }, context) => ({
            version: await this.#catalogue.wait(afterVersion, { ...context, waitMs }),
            models: this.#models,
            prices: this.#prices,
            aliases: [{ name: "default", model: this.#models[0]?.id ?? "" }],
            defaultModel: this.#models[0]?.id ?? "",
          }),
        });
      case "inference":
        return partly(InferenceService, {
          watchUpstreams: async ({ afterVersion, waitMs }, context) => ({
            version: await this.#upstreamFeed.wait(afterVersion, { ...context, waitMs }),
            upstreams: this.#upstreams,
          }),
          listUpstreams: () => Promise.resolve({ upstreams: this.#upstreams }),
          putUpstream: ({ upstream }, { passport }) => {
            this.managers.push(passport.organisationId);
            const { name = "", profile = "", apiKey = "" } = upstream ?? {};
            return Promise.resolve({ name, profile, hasApiKey: apiKey !== "", version: 2n });
          },
          reportAttempts: () => Promise.resolve({}),
          leaseCapacity: ({ upstream, wanted }) => {
            const { maxConcurrency = 0 } =
              this.#upstreams.find(({ name }) => name === upstream) ?? {};
            const most = maxConcurrency === 0 ? wanted : maxConcurrency;
            return Promise.resolve({ granted: Math.min(wanted, most), validMs: 2_000 });
          },
        });
      case "monitoring":
        return partly(MonitoringService, {
          recordRequests: ({ records }) => {
            this.records.push(...records);
            return Promise.resolve({});
          },
          getRequest: ({ requestId, organisationId }) => {
            const found = this.records.find((record) => record.requestId === requestId);
            return found?.organisationId === organisationId
              ? Promise.resolve(found)
              : Promise.reject(fakeFaults.request_not_found());
          },
        });
    }
  }

  #auth(): Implementation {
    return partly(AuthService, {
      verifyKey: ({ secretHash }) => {
        this.calls.verifyKey += 1;
        const identity = this.#keys.get(Buffer.from(secretHash).toString("hex"));
        const sequence = this.#revocations.version;
        return Promise.resolve(
          identity === undefined ? { refusal: "unknown", sequence } : { identity, sequence },
        );
      },
      watchRevocations: async ({ afterSequence, waitMs }, context) => {
        const sequence = await this.#revocations.wait(afterSequence, { ...context, waitMs });
        const revocations = this.#revoked.filter((each) => each.sequence > afterSequence);
        return { sequence, revocations };
      },
      reportKeyUse: ({ uses }) => {
        this.reportedKeys.push(...uses.map(({ keyId }) => keyId));
        return Promise.resolve({});
      },
    });
  }

  #chat(): Implementation {
    return partly(ChatService, {
      createConversation: ({ organisationId, projectId, title }, { passport }) => {
        const id = `conv_${String(this.conversations.size + 1).padStart(26, "0")}`;
        this.conversations.set(id, []);
        this.managers.push(passport.organisationId);
        return Promise.resolve({ id, organisationId, projectId, title });
      },
      prepare: ({ conversationId, messageJsons }) => {
        const history = this.conversations.get(conversationId) ?? [];
        return Promise.resolve({ messageJsons: [...history, ...messageJsons], promptTokens: 20 });
      },
      append: ({ conversationId, messageJsons }) => {
        const history = this.conversations.get(conversationId) ?? [];
        this.conversations.set(conversationId, [...history, ...messageJsons]);
        return Promise.resolve({ messageCount: history.length + messageJsons.length });
      },
    });
  }
}

/** Resolves once `what` holds; rejects after five seconds. */
export async function until(what: () => boolean): Promise<void> {
  const endMs = world.clock.monotonicMs() + 5_000;
  while (!what()) {
    if (world.clock.monotonicMs() > endMs) throw new Error(`never came: ${what}`);
    await new Promise((resolve) => {
      setTimeout(resolve, 5);
    });
  }
}
