import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { nobody } from "@tandem/libs/gateway";
import { defineFaults } from "@tandem/libs/kernel";
import { openHotStore } from "@tandem/libs/store/hot";
import { type Journal, openJournal } from "@tandem/libs/store/journal";
import { createLog } from "@tandem/libs/telemetry";
import { newId, realWorld } from "@tandem/libs/world";
import { OrderQueue } from "./order-queue.ts";
import type { QueuedOrder } from "./queued-order.ts";
import { createSharedOrders } from "./shared-orders.ts";

const world = realWorld();
const log = createLog({ level: "error", fields: {}, write: () => {} });
const faults = defineFaults("test", {
  away: { code: "unavailable", blame: "platform", retry: "after_delay", publicMessage: "away" },
  refused: { code: "not_found", blame: "client", retry: "never", publicMessage: "no" },
});

let folder: string;
let hotStore: Awaited<ReturnType<typeof openHotStore>>;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "tandem-queue-"));
  hotStore = await openHotStore("memory:", { world, log });
});

afterEach(async () => {
  await hotStore.close();
  rmSync(folder, { recursive: true, force: true });
});

function queued(rest: Partial<QueuedOrder> = {}): QueuedOrder {
  return {
    id: newId(world, "ord"),
    organisationId: "org_1",
    productId: "pck_1",
    productVersion: "0",
    quantity: 1,
    note: "",
    expectedTotalNanos: "0",
    idempotencyKey: newId(world, "evt"),
    queuedAtMs: String(world.clock.nowMs()),
    requestId: newId(world, "req"),
    claims: { ...nobody.claims, organisationId: "org_1", scopes: [], roles: ["owner"] },
    ...rest,
  };
}

/** The service behind: what it was brought, and how it is. */
interface Service {
  readonly made: Map<string, number>;
  trouble: "none" | "away" | "lost" | "refuses";
}

interface Life {
  readonly queue: OrderQueue;
  end(): Promise<void>;
}

/** One life of a replica; `end` leaves its journal as a kill would. */
async function live(service: Service): Promise<Life> {
  const journal: Journal = await openJournal(folder, { world, log, windowMs: 0 });
  const queue = new OrderQueue({
    ...{ journal, world, log, waitingMax: 5 },
    shared: createSharedOrders({ store: hotStore, secret: new Uint8Array(32), world }),
    report: () => {},
    create: async ({ idempotencyKey }) => {
      if (service.trouble === "away") throw faults.away();
      if (service.trouble === "refuses") throw faults.refused();
      service.made.set(idempotencyKey, (service.made.get(idempotencyKey) ?? 0) + 1);
      if (service.trouble === "lost") throw faults.away();
    },
  });
  await queue.recover();
  const controller = new AbortController();
  const running = queue.run(controller.signal);
  return {
    queue,
    async end() {
      controller.abort();
      await running;
      await journal.close();
    },
  };
}

async function until(isSo: () => boolean): Promise<void> {
  const giveUpMs = world.clock.monotonicMs() + 15_000;
  while (!isSo()) {
    assert.ok(world.clock.monotonicMs() < giveUpMs, "not so within 15 s");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

test("an order survives the replica and is made when the service is back", async () => {
  const service: Service = { made: new Map(), trouble: "away" };
  const order = queued();
  const first = await live(service);
  await first.queue.add(order);
  assert.equal(first.queue.isAway, true);
  await first.end();
  const second = await live(service);
  assert.deepEqual(await second.queue.find(order), order);
  service.trouble = "none";
  await until(() => service.made.size === 1);
  await until(() => !second.queue.isAway);
  assert.equal(await second.queue.find(order), undefined);
  await second.end();
  const third = await live(service);
  await third.queue.add(queued());
  await until(() => service.made.size === 2);
  await third.end();
  assert.deepEqual([...service.made.values()], [1, 1]);
});

test("an answer that is lost makes it come again, under the same key", async () => {
  const service: Service = { made: new Map(), trouble: "lost" };
  const { queue, end } = await live(service);
  const order = queued();
  await queue.add(order);
  await until(() => (service.made.get(order.idempotencyKey) ?? 0) > 1);
  service.trouble = "none";
  await until(() => !queue.isAway);
  assert.deepEqual([...service.made.keys()], [order.idempotencyKey]);
  await end();
});

test("one that is refused for good is no reason to keep the others waiting", async () => {
  const service: Service = { made: new Map(), trouble: "refuses" };
  const { queue, end } = await live(service);
  await queue.add(queued());
  await until(() => !queue.isAway);
  service.trouble = "none";
  await queue.add(queued());
  await until(() => service.made.size === 1);
  await end();
});

test("more than fit are refused, and another organisation's are not there", async () => {
  const service: Service = { made: new Map(), trouble: "away" };
  const { queue, end } = await live(service);
  const order = queued();
  await queue.add(order);
  for (let count = 1; count < 5; count += 1) await queue.add(queued());
  await assert.rejects(queue.add(queued()), { reason: "business.queue_full" });
  assert.equal(await queue.find({ organisationId: "org_2", id: order.id }), undefined);
  await end();
});
