/** Two analytics replicas on one real database, and ways to tell them facts and ask them. */
import { create, toBinary } from "@bufbuild/protobuf";
import {
  AnalyticsService,
  UsageBatchSchema,
  type UsageFact,
} from "@tandem/contracts/rpc/analytics/v1/analytics_pb";
import type { MessageInit, PassportClaims, RpcClient } from "@tandem/libs/rpc";
import { connectRpc, createLifecycle, type Replica } from "@tandem/libs/service";
import { type Database, openDatabase } from "@tandem/libs/store";
import { createTestHouse, startTestPostgres, type TestPostgres } from "@tandem/libs/testing";
import { newId, realWorld } from "@tandem/libs/world";
import { stepMs } from "../core/steps.ts";
import { start } from "../main.ts";

export type AnalyticsClient = RpcClient<(typeof AnalyticsService)["method"]>;
export type FactInit = MessageInit<UsageFact>;

export interface AnalyticsHouse {
  /** As quota, to each replica. */
  readonly tellers: readonly [AnalyticsClient, AnalyticsClient];
  /** As the business gateway, to either. */
  readonly asker: AnalyticsClient;
  readonly database: Database<unknown>;
  readonly postgres: TestPostgres;
  readonly logLines: readonly Readonly<Record<string, unknown>>[];
  /** Tells the first replica, as one event; how many of them were new. */
  tell(facts: readonly FactInit[], eventId?: string): Promise<number>;
  close(): Promise<void>;
}

export const world = realWorld();

/** A person in an organisation; by session unless a key is given. */
export function asPerson(
  organisationId: string,
  given: Partial<PassportClaims> = {},
): { readonly caller: PassportClaims } {
  const caller = {
    ...{ organisationId, projectId: "", userId: "usr_1", keyId: "", sessionId: "ses_1" },
    ...{ scopes: [], roles: ["owner"], ...given },
  };
  return { caller };
}

const day = Date.UTC(2026, 10, 27);
export const noonMs = day + stepMs.day / 2;
export const wholeDay = { fromMs: BigInt(day), untilMs: BigInt(day + stepMs.day) };
const noon = BigInt(noonMs);

/** A call that was answered, unless `given` says otherwise. */
export function newFact(given: FactInit = {}): FactInit {
  return {
    ...{ id: newId(world, "req"), organisationId: "org_1", projectId: "prj_1", userId: "usr_1" },
    ...{ keyId: "key_1", model: "chat", upstream: "one", endpoint: "chat", outcome: "complete" },
    ...{ status: 200, requests: 1, inputTokens: 100, outputTokens: 50 },
    ...{ chargedNanos: 200n, upstreamNanos: 50n, upstreamKnown: true, currency: "USD" },
    ...{ priceId: "prc_1", inputPrice: 1_000_000n, cachedInputPrice: 0n, outputPrice: 2_000_000n },
    ...{ durationMs: 400, firstTokenMs: 80, stream: true },
    ...{ atMs: noon, settledAtMs: given.atMs ?? noon },
    ...given,
  };
}

export function batchOf(facts: readonly FactInit[]): Uint8Array {
  return toBinary(UsageBatchSchema, create(UsageBatchSchema, { facts: [...facts] }));
}

export async function openAnalyticsHouse(
  settings: Readonly<Record<string, unknown>> = {},
): Promise<AnalyticsHouse> {
  const house = createTestHouse({
    replicas: ["analytics/1", "analytics/2", "quota/1", "business/1"],
    calls: { quota: ["analytics"], business: ["analytics"] },
  });
  const postgres = await startTestPostgres();
  const databaseUrl = await postgres.createDatabase();
  const sites = [
    house.site("analytics/1", { databaseUrl, settings }),
    house.site("analytics/2", { databaseUrl, settings }),
  ] as const;
  const replicas = await Promise.all(sites.map((site) => start(site)));
  const teller = house.site("quota/1");
  const tellerLife = createLifecycle(teller);
  const asker = house.site("business/1");
  const askerLife = createLifecycle(asker);
  const database = openDatabase<unknown>(databaseUrl, {
    ...{ world, log: teller.log, poolSize: 4 },
    // A test may have the database make a million rows.
    statementTimeoutMs: 0,
  });
  const of = { service: AnalyticsService, deployable: "analytics" };
  const tellerOf = (address: Replica["address"]): AnalyticsClient =>
    connectRpc(teller, tellerLife, { ...of, address });
  const tellers = [tellerOf(sites[0].address), tellerOf(sites[1].address)] as const;
  return {
    tellers,
    asker: connectRpc(asker, askerLife, of),
    database,
    postgres,
    logLines: house.logLines,
    async tell(facts, eventId = newId(world, "evt")) {
      const { recorded } = await tellers[0].recordUsage({ eventId, batch: batchOf(facts) });
      return recorded;
    },
    async close() {
      await askerLife.replica(asker.address).close({ deadlineMs: 1_000 });
      await tellerLife.replica(teller.address).close({ deadlineMs: 1_000 });
      for (const replica of replicas) await replica.close({ deadlineMs: 1_000 });
      await database.destroy();
      await postgres.stop();
      house.close();
    },
  };
}
