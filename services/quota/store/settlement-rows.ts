import { type Executor, sql, storeFaults } from "@tandem/libs/store";
import { type Booked, restIdsOf, type Settled } from "../core/settle-again.ts";
import type { AttachedBudget, Booking, LeaseBalance, Settlement } from "../core/settlement.ts";

/** What is in the books of these requests already, their rests included. */
export async function findSettled(
  tx: Executor,
  requestIds: readonly string[],
): Promise<ReadonlyMap<string, Settled>> {
  const found = await readSettled(tx, requestIds);
  const settled = new Map<string, Settled>();
  // Nearly always there is nothing: rests are looked for only where something is.
  if (found.size === 0) return settled;
  const rests = await readSettled(tx, [...found.keys()].flatMap(restIdsOf));
  for (const [id, first] of found) {
    const more = restIdsOf(id).flatMap((restId) => rests.get(restId) ?? []);
    settled.set(id, { organisationId: first.organisationId, settlements: [first, ...more] });
  }
  return settled;
}

interface BookedOf extends Booked {
  readonly organisationId: string;
}

/** By id, less what was given back of each. */
async function readSettled(
  tx: Executor,
  ids: readonly string[],
): Promise<ReadonlyMap<string, BookedOf>> {
  const { rows } = await sql<{
    id: string;
    organisation: string;
    asked: bigint;
    charged: bigint;
    input: bigint;
    cached: bigint;
    output: bigint;
    reasoning: bigint;
    outcome: string;
  }>`
    select request_id as id, settlements.organisation_id as organisation,
      asked_nanos - coalesce(back.nanos, 0) as asked,
      charged_nanos - coalesce(back.nanos, 0) as charged,
      settlements.input_tokens - coalesce(back.input_tokens, 0) as input,
      settlements.cached_input_tokens - coalesce(back.cached_input_tokens, 0) as cached,
      settlements.output_tokens - coalesce(back.output_tokens, 0) as output,
      settlements.reasoning_tokens - coalesce(back.reasoning_tokens, 0) as reasoning, outcome
    from settlements left join give_backs as back on back.settlement_id = request_id
    where kind = 'settlement' and request_id = any(${ids}::text[])`.execute(tx);
  const booked = rows.map((row) => ({
    id: row.id,
    organisationId: row.organisation,
    askedNanos: row.asked,
    chargedNanos: row.charged,
    inputTokens: Number(row.input),
    cachedInputTokens: Number(row.cached),
    outputTokens: Number(row.output),
    reasoningTokens: Number(row.reasoning),
    outcome: row.outcome,
  }));
  return new Map(booked.map((row) => [row.id, row]));
}

/** The leases of these ids with what they hold and the budgets they are held against. */
export async function findAttachedTo(
  tx: Executor,
  leaseIds: readonly string[],
): Promise<ReadonlyMap<string, LeaseBalance>> {
  const held = await sql<{ id: string; organisation_id: string; holder: string; held: bigint }>`
    select leases.id, leases.organisation_id, holder, balance as held from leases
    join accounts on accounts.id = 'hold:' || leases.id
    where leases.id = any(${leaseIds}::text[])`.execute(tx);
  const attached = await sql<{
    lease_id: string;
    budget_id: string;
    period_key: string;
    organisation_id: string;
    project_id: string;
    user_id: string;
    key_id: string;
    model: string;
  }>`
    select lease_id, period_key, budgets.id as budget_id, organisation_id, project_id, user_id,
      key_id, model
    from lease_budgets join budgets on budgets.id = budget_id
    where lease_id = any(${leaseIds}::text[])`.execute(tx);
  const budgets = new Map<string, AttachedBudget[]>();
  for (const row of attached.rows) {
    const list = budgets.get(row.lease_id) ?? [];
    budgets.set(row.lease_id, list);
    list.push({
      budgetId: row.budget_id,
      periodKey: row.period_key,
      subject: {
        organisationId: row.organisation_id,
        projectId: row.project_id,
        userId: row.user_id,
        keyId: row.key_id,
        model: row.model,
      },
    });
  }
  const leases = new Map<string, LeaseBalance>();
  for (const row of held.rows) {
    leases.set(row.id, {
      id: row.id,
      organisationId: row.organisation_id,
      holder: row.holder,
      heldNanos: row.held,
      budgets: budgets.get(row.id) ?? [],
    });
  }
  return leases;
}

/**
 * Writes the records. One that appeared since we looked, for another organisation and thus under
 * another lock, is `store.contention`: the transaction is run again and finds it.
 */
export async function insertSettlements(
  tx: Executor,
  batch: {
    readonly holder: string;
    readonly nowMs: number;
    readonly bookings: readonly Booking[];
  },
): Promise<void> {
  const { holder, nowMs, bookings } = batch;
  if (bookings.length === 0) return;
  const of = <Value>(pick: (settlement: Settlement) => Value): Value[] =>
    bookings.map(({ settlement }) => pick(settlement));
  const charged = bookings.map(
    ({ fromHoldNanos, fromWalletNanos }) => fromHoldNanos + fromWalletNanos,
  );
  const { rows } = await sql`
    insert into settlements (request_id, kind, organisation_id, project_id, user_id, key_id, model,
      upstream, lease_id, holder, reserved_nanos, asked_nanos, charged_nanos, upstream_nanos,
      input_tokens, cached_input_tokens, output_tokens, reasoning_tokens, outcome, estimated,
      price_id, currency, at_ms, settled_at_ms)
    select request_id, 'settlement', organisation_id, project_id, user_id, key_id, model, upstream,
      lease_id, ${holder}, reserved, asked, charged, upstream_nanos, input, cached, output,
      reasoning, outcome, estimated, price_id, currency, at_ms, ${nowMs}
    from unnest(
      ${of((s) => s.requestId)}::text[], ${of((s) => s.organisationId)}::text[],
      ${of((s) => s.projectId)}::text[], ${of((s) => s.userId)}::text[],
      ${of((s) => s.keyId)}::text[], ${of((s) => s.model)}::text[],
      ${of((s) => s.upstream)}::text[], ${of((s) => s.leaseId)}::text[],
      ${of((s) => s.reservedNanos)}::bigint[], ${of((s) => s.chargedNanos)}::bigint[],
      ${charged}::bigint[], ${of((s) => s.upstreamNanos)}::bigint[],
      ${of((s) => s.inputTokens)}::bigint[], ${of((s) => s.cachedInputTokens)}::bigint[],
      ${of((s) => s.outputTokens)}::bigint[], ${of((s) => s.reasoningTokens)}::bigint[],
      ${of((s) => s.outcome)}::text[], ${of((s) => s.estimated)}::boolean[],
      ${of((s) => s.priceId)}::text[], ${of((s) => s.currency)}::text[],
      ${of((s) => s.atMs)}::bigint[])
      as given (request_id, organisation_id, project_id, user_id, key_id, model, upstream, lease_id,
        reserved, asked, charged, upstream_nanos, input, cached, output, reasoning, outcome,
        estimated, price_id, currency, at_ms)
    on conflict (request_id, kind) do nothing
    returning 1`.execute(tx);
  if (rows.length < bookings.length) {
    throw storeFaults.contention({ detail: "a request was settled by two at once" });
  }
}
