import { AnalyticsService } from "@tandem/contracts/rpc/analytics/v1/analytics_pb";
import { QuotaService } from "@tandem/contracts/rpc/quota/v1/quota_pb";
import type { Implementation } from "@tandem/libs/rpc";
import {
  connectRpc,
  createLifecycle,
  createVersionFeed,
  type Lifecycle,
  type Site,
  serveRpc,
} from "@tandem/libs/service";
import { type OutboxTable, startTableRelay } from "@tandem/libs/store";
import { openHotStore } from "@tandem/libs/store/hot";
import { newId } from "@tandem/libs/world";
import { partly } from "../../../gateways/ai/testing/partly.ts";
import type { Limit } from "../../../services/quota/core/limit.ts";
import { LimitDesk } from "../../../services/quota/limit-desk.ts";
import { leaseLimitsOperation } from "../../../services/quota/operations/lease-limits.ts";
import type { History } from "../history.ts";
import type { SimulatedProcess } from "../world/machine.ts";
import type { SimulatedDatabase } from "./database.ts";
import type { QuotaBooks } from "./quota-books.ts";

export interface QuotaParts {
  readonly site: Site;
  readonly process: SimulatedProcess;
  readonly books: QuotaBooks;
  readonly database: SimulatedDatabase;
  readonly limits: readonly Limit[];
  readonly history: History;
  readonly nowMs: () => number;
}

const placesValidMs = 10_000;

/** A replica of quota: its contract over books that a database keeps for both replicas. */
export async function startQuota(parts: QuotaParts): Promise<void> {
  const { site, process, books, database } = parts;
  const lifecycle = createLifecycle(site);
  const relay = startRelay(parts, lifecycle);
  const desk = await buildLimitDesk(parts);
  process.world.timers.every(1_000, () => {
    database.transact(process, () => books.age()).catch(() => undefined);
  });
  await serveRpc(site, lifecycle, [implementation(parts, { desk, relay })]);
}

function implementation(
  { site, process, books, database, history, nowMs }: QuotaParts,
  { desk, relay }: { readonly desk: LimitDesk; readonly relay: { wake(): void } },
): Implementation {
  const sequence = (): bigint => BigInt(books.changes.length + 1);
  const changes = createVersionFeed(site.world.timers, sequence());
  books.onChange.add(() => changes.advance(sequence()));
  return partly(QuotaService, {
    async leaseWallet({ $typeName: _, ...request }) {
      const { organisationId, projectId, userId, keyId, model, ceilingNanos, keptNanos } = request;
      const subject = { organisationId, projectId, userId, keyId, model };
      const call = { ...request, subject, ceilingNanos, keptNanos };
      const answer = await database.transact(process, () => books.leaseWallet(call));
      return {
        leaseId: request.leaseId,
        grantedNanos: answer.grantedNanos,
        validMs: answer.validMs,
        currency: answer.currency,
        limitSource: answer.limitSource ?? "",
        availableNanos: answer.availableNanos,
        superseded: answer.isSuperseded,
        scarce: answer.isScarce,
        callingIn: answer.isCallingIn,
      };
    },
    async leaseLimits(request, context) {
      const parts = { desk, placesValidMs, sequence: () => 1n, nowMs };
      const answer = await leaseLimitsOperation(parts, request, context);
      for (const { limitId = "", granted = 0n } of answer.grants ?? []) {
        if (granted > 0n) history.grants.push({ limitId, granted: Number(granted), atMs: nowMs() });
      }
      for (const { limitId, granted } of request.returned) {
        history.grants.push({ limitId, granted: -Number(granted), atMs: nowMs() });
      }
      return answer;
    },
    async settle({ holder, settlements }) {
      const eventId = newId(site.world, "evt");
      const given = settlements.map(({ $typeName: _, ...wire }) => ({
        ...wire,
        atMs: Number(wire.atMs),
      }));
      const { settled, refused } = await database.transact(process, () =>
        books.settle(holder, given, eventId),
      );
      relay.wake();
      return { settled: [...settled], refused: [...refused] };
    },
    async adoptLeases({ holder, incarnation }) {
      const leases = await database.transact(process, () => books.adopt(holder, incarnation));
      return { leases };
    },
    async releaseLeases({ holder, leaseIds }) {
      const releasedNanos = await database.transact(process, () => books.release(holder, leaseIds));
      return { releasedNanos };
    },
    async watchChanges({ afterSequence, waitMs }, { onAbandon }) {
      const heard = await changes.wait(afterSequence, { waitMs, onAbandon });
      const from = afterSequence > 0n ? Number(afterSequence) - 1 : 0;
      return { sequence: heard, organisationIds: books.changes.slice(from, Number(heard) - 1) };
    },
  });
}

/** The production's desk over the hot store; its own memory for when that is away. */
async function buildLimitDesk({ site, limits }: QuotaParts): Promise<LimitDesk> {
  const { world, log } = site;
  const { clock, randomness, timers, environment } = world;
  const ownWorld = { clock, randomness, timers, environment };
  return new LimitDesk({
    world,
    log,
    hotStore: await openHotStore(site.hotStoreUrl, { world, log }),
    ownStore: await openHotStore("memory:", { world: ownWorld, log }),
    replicas: 2,
    placesValidMs,
    findLimits: (organisationId) =>
      Promise.resolve(limits.filter(({ subject }) => subject.organisationId === organisationId)),
  });
}

/** The production's relay over the outbox of these books. */
function startRelay(parts: QuotaParts, lifecycle: Lifecycle) {
  const { site } = parts;
  const { world, log } = site;
  const analytics = connectRpc(site, lifecycle, {
    service: AnalyticsService,
    deployable: "analytics",
  });
  return startTableRelay(tableOf(parts), {
    ...{ world, log, concurrency: 4, claimMs: 2_800 },
    deliver: async ({ id, payload }) => {
      const batch = Buffer.from(payload);
      await analytics.recordUsage({ eventId: id, batch }, { deadlineMs: 1_300 });
    },
  });
}

function tableOf({ process, books, database, nowMs }: QuotaParts): OutboxTable {
  const ask = <Value>(run: () => Value): Promise<Value> => database.transact(process, run);
  const rowOf = (id: string, attempts: number) =>
    books.outbox.find((row) => row.id === id && row.attempts === attempts);
  return {
    claim: ({ limit, claimMs }) =>
      ask(() =>
        books.outbox
          .filter((row) => !row.isParked && row.nextAttemptAtMs <= nowMs())
          .slice(0, limit)
          .map((row) => {
            row.attempts += 1;
            row.nextAttemptAtMs = nowMs() + claimMs;
            return { id: row.id, topic: "usage", payload: row.payload, attempts: row.attempts };
          }),
      ),
    remove: (eventId) =>
      ask(() => {
        const at = books.outbox.findIndex(({ id }) => id === eventId);
        if (at >= 0) books.outbox.splice(at, 1);
      }),
    putBack: ({ id, attempts }, { delayMs }) =>
      ask(() => {
        const row = rowOf(id, attempts);
        if (row === undefined) return;
        row.attempts -= 1;
        row.nextAttemptAtMs = nowMs() + delayMs;
      }),
    fail: ({ id, attempts }, { delayMs, isLast }) =>
      ask(() => {
        const row = rowOf(id, attempts);
        if (row === undefined) return;
        row.nextAttemptAtMs = nowMs() + delayMs;
        row.isParked = isLast;
      }),
  };
}
