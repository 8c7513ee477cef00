/**
 * What this service does by the clock: prepares how payments are made where their provider was
 * away, asks it about unfinished ones (an event may be lost), ends what nobody paid, and compares
 * its payments with ours. Several replicas may do it at once: each takes other rows, and a step
 * that is done twice changes nothing.
 */
import type { Lifecycle } from "@tandem/libs/service";
import { sql } from "@tandem/libs/store";
import { prepareCheckout } from "./checkouts.ts";
import type { OrdersParts } from "./parts.ts";
import type { PaymentProvider } from "./providers/provider.ts";
import { act } from "./store/action.ts";
import { applySnapshot } from "./store/apply-snapshot.ts";
import { countDiscrepancies, noteDiscrepancy } from "./store/discrepancies.ts";
import { lockOrder, moveOrder, type PaymentRow } from "./store/orders.ts";

const batchSize = 50;
const prepareAgainMs = 5_000;
const askAgainMs = 60_000;
const reconciledMs = 48 * 3_600_000;
/** A provider's list may be as much behind. */
const settlingMs = 3_600_000;

export function startUpkeep(parts: OrdersParts, lifecycle: Lifecycle): void {
  const { config, log, database } = parts;
  const { world } = database;
  const every = (name: string, periodMs: number, task: () => Promise<unknown>): void => {
    let running: Promise<unknown> | undefined;
    const timer = world.timers.every(periodMs, () => {
      // A task that is slower than its period is not started on top of itself.
      running ??= task()
        .catch((error: unknown) => log.warn("upkeep_failed", { task: name, error: String(error) }))
        .finally(() => {
          running = undefined;
        });
    });
    lifecycle.defer(name, async () => {
      timer.cancel();
      await running;
    });
  };
  every("unfinished payments", config.upkeepPeriodMs, () => finishPayments(parts));
  every("unpaid orders", config.upkeepPeriodMs, () => expireOrders(parts));
  every("provider's payments", config.reconcilePeriodMs, () => reconcile(parts));
  every("discrepancies", config.upkeepPeriodMs, async () =>
    parts.metrics.discrepancies.set(await countDiscrepancies(database)),
  );
}

/** Takes payments in this state that nobody looked at for a while; nobody else gets them now. */
async function claim(
  { database }: OrdersParts,
  wanted: {
    readonly state: "preparing" | "pending";
    readonly provider: string;
    readonly ageMs: number;
  },
): Promise<readonly PaymentRow[]> {
  const nowMs = database.world.clock.nowMs();
  const [now, before] = [new Date(nowMs), new Date(nowMs - wanted.ageMs)];
  const { rows } = await sql<PaymentRow>`
    update payments set checked_at = ${now} where id in (
      select id from payments
      where state = ${wanted.state} and provider = ${wanted.provider} and checked_at <= ${before}
      order by checked_at limit ${batchSize} for update skip locked
    ) returning *`.execute(database);
  return rows;
}

async function finishPayments(parts: OrdersParts): Promise<void> {
  const { provider } = parts;
  if (provider === undefined) return;
  const place = { provider: provider.name };
  const unprepared = await claim(parts, { ...place, state: "preparing", ageMs: prepareAgainMs });
  for (const payment of unprepared) await prepareCheckout(parts, provider, payment);
  if (provider.fetchPayment === undefined) return;
  const pending = await claim(parts, { ...place, state: "pending", ageMs: askAgainMs });
  for (const payment of pending) await askAbout(parts, provider, payment);
}

async function askAbout(
  parts: OrdersParts,
  provider: PaymentProvider,
  payment: PaymentRow,
): Promise<void> {
  const fetched = await provider.fetchPayment?.(payment.provider_reference);
  if (fetched === undefined) return;
  await applySnapshot(parts, "orders", { paymentId: payment.id, fetched });
}

/** Ends orders that nobody paid in time. A provider is asked first: the money may be there. */
async function expireOrders(parts: OrdersParts): Promise<void> {
  const { database, provider } = parts;
  const due = await database
    .selectFrom("orders")
    .select("id")
    .where("state", "in", ["awaiting_payment", "failed"])
    .where("expires_at", "<=", new Date(database.world.clock.nowMs()))
    .orderBy("expires_at")
    .limit(batchSize)
    .execute();
  for (const { id } of due) {
    const pending = await database
      .selectFrom("payments")
      .selectAll()
      .where("order_id", "=", id)
      .where("state", "=", "pending")
      .executeTakeFirst();
    const isAsked = pending !== undefined && pending.provider === provider?.name;
    if (isAsked) await askAbout(parts, provider, pending);
    await expireOrder(parts, id);
  }
}

async function expireOrder(parts: OrdersParts, id: string): Promise<void> {
  await act(parts, "orders", async ({ tx, now, audit }) => {
    const order = await lockOrder(tx, id);
    if (order === undefined) return;
    const waiting = await tx
      .selectFrom("payments")
      .select("id")
      .where("order_id", "=", id)
      .where("state", "=", "awaiting_approval")
      .executeTakeFirst();
    // Somebody saw the money and somebody else has yet to agree: that is no unpaid order.
    if (waiting !== undefined) return;
    const moved = await moveOrder(tx, order, { event: "expire", changes: { ended_at: now } });
    if (moved === undefined) return;
    await tx
      .updateTable("payments")
      .set({ state: "expired" })
      .where("order_id", "=", id)
      .where("state", "in", ["preparing", "pending"])
      .execute();
    const { organisation_id: organisationId } = order;
    audit({ organisationId, action: "order.expired", target: id });
  });
}

/** Payments without order, and orders without payment: what events alone would never show. */
export async function reconcile(parts: OrdersParts): Promise<void> {
  const { provider, database } = parts;
  if (provider?.listPayments === undefined) return;
  const now = new Date(database.world.clock.nowMs());
  const sinceMs = now.getTime() - reconciledMs;
  const listed = await provider.listPayments(sinceMs);
  for (const theirs of listed) {
    const ours = await database
      .selectFrom("payments")
      .selectAll()
      .where("provider", "=", provider.name)
      .where("id", "=", theirs.paymentId)
      .executeTakeFirst();
    if (ours === undefined) {
      const { reference, amountNanos, currency } = theirs;
      const kind = "payment_without_order";
      parts.log.error(kind, { provider: provider.name, reference });
      await noteDiscrepancy(
        database,
        {
          ...{ kind, provider: provider.name, reference, amountNanos, currency },
          ...{ organisationId: "", orderId: "" },
        },
        now,
      );
    } else if (ours.state !== "succeeded") await askAbout(parts, provider, ours);
  }
  await findUnpaid(parts, provider, {
    sinceMs,
    listed: new Set(listed.map((one) => one.reference)),
  });
}

async function findUnpaid(
  parts: OrdersParts,
  provider: PaymentProvider,
  { sinceMs, listed }: { readonly sinceMs: number; readonly listed: ReadonlySet<string> },
): Promise<void> {
  const { database } = parts;
  const nowMs = database.world.clock.nowMs();
  const paid = await database
    .selectFrom("payments")
    .selectAll()
    .where("provider", "=", provider.name)
    .where("state", "=", "succeeded")
    .where("created_at", ">", new Date(sinceMs))
    .where("received_at", "<", new Date(nowMs - settlingMs))
    .execute();
  for (const payment of paid.filter(({ provider_reference: name }) => !listed.has(name))) {
    const fetched = await provider.fetchPayment?.(payment.provider_reference);
    if (fetched?.state === "succeeded") continue;
    parts.log.error("order_without_payment", { order: payment.order_id });
    await noteDiscrepancy(
      database,
      {
        ...{ kind: "order_without_payment", provider: provider.name },
        ...{ reference: payment.provider_reference, orderId: payment.order_id },
        organisationId: payment.organisation_id,
        ...{ amountNanos: payment.amount_nanos, currency: payment.currency },
      },
      new Date(nowMs),
    );
  }
}
