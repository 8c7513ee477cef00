import { type Executor, sql } from "@tandem/libs/store";
import { holdAccount } from "../core/account.ts";
import type { Lease, LeaseState } from "../core/lease.ts";
import { isSubjectField, type Scope } from "../core/subject.ts";

/** A lease with what it holds, and the answer that was given last. */
export interface StoredLease {
  readonly lease: Lease;
  readonly heldNanos: bigint;
  readonly lastAnswer: string;
  /** The budgets it is held against, as `id@period`, sorted; those since taken away left out. */
  readonly attached: readonly string[];
  /** Held against any budget, those since taken away included. */
  readonly isBudgeted: boolean;
}

interface LeaseRow {
  readonly id: string;
  readonly organisation_id: string;
  readonly holder: string;
  readonly incarnation: string;
  readonly scope_fields: string[];
  readonly project_id: string;
  readonly user_id: string;
  readonly key_id: string;
  readonly model: string;
  readonly state: LeaseState;
  readonly is_told: boolean;
  readonly ceiling_nanos: bigint | null;
  readonly last_call: bigint;
  readonly last_answer: string;
  readonly renewed_at_ms: bigint;
  readonly held: bigint;
  readonly attached: string[];
  readonly is_budgeted: boolean;
}

/** The leases of these ids that exist. Lock the wallet first for figures that stay true. */
export async function findLeases(
  executor: Executor,
  ids: readonly string[],
): Promise<readonly StoredLease[]> {
  const { rows } = await sql<LeaseRow>`
    select leases.*, accounts.balance as held, array(
      select budget_id || '@' || period_key from lease_budgets
      join budgets on budgets.id = budget_id
      where lease_id = leases.id and deleted_at_ms is null
      order by budget_id
    ) as attached,
      exists (select 1 from lease_budgets where lease_id = leases.id) as is_budgeted
    from leases
    join accounts on accounts.id = 'hold:' || leases.id
    where leases.id = any(${ids}::text[])`.execute(executor);
  return rows.map(toStoredLease);
}

function toStoredLease(row: LeaseRow): StoredLease {
  return {
    heldNanos: row.held,
    lastAnswer: row.last_answer,
    attached: row.attached,
    isBudgeted: row.is_budgeted,
    lease: {
      id: row.id,
      organisationId: row.organisation_id,
      holder: row.holder,
      incarnation: row.incarnation,
      scope: {
        fields: row.scope_fields.filter(isSubjectField),
        subject: {
          organisationId: row.organisation_id,
          projectId: row.project_id,
          userId: row.user_id,
          keyId: row.key_id,
          model: row.model,
        },
      },
      state: row.state,
      isTold: row.is_told,
      ceilingNanos: row.ceiling_nanos ?? undefined,
      lastCall: row.last_call,
      renewedAtMs: Number(row.renewed_at_ms),
    },
  };
}

/** A lease that begins with its first call. */
export async function insertLease(
  tx: Executor,
  opened: {
    readonly id: string;
    readonly holder: string;
    readonly incarnation: string;
    readonly scope: Scope;
    readonly currency: string;
    readonly nowMs: number;
  },
): Promise<void> {
  const { id, scope, nowMs } = opened;
  const { subject } = scope;
  await sql`
    with hold as (
      insert into accounts (id, organisation_id, kind, currency, may_be_negative)
      values (${holdAccount(id)}, ${subject.organisationId}, 'hold', ${opened.currency}, false)
    )
    insert into leases (id, organisation_id, holder, incarnation, scope_fields, project_id, user_id,
      key_id, model, state, is_told, ceiling_nanos, carved_nanos, last_call, last_answer,
      opened_at_ms, renewed_at_ms, due_at_ms)
    values (${id}, ${subject.organisationId}, ${opened.holder}, ${opened.incarnation},
      ${[...scope.fields]}::text[], ${subject.projectId}, ${subject.userId}, ${subject.keyId},
      ${subject.model}, 'active', false, null, 0, 0, '', ${nowMs}, ${nowMs}, ${nowMs})`.execute(tx);
}

/** What a call, or time, makes of a lease. */
export interface LeaseChange {
  readonly state: LeaseState;
  readonly dueAtMs: number | undefined;
  /** With a call of the holder. */
  readonly heard?: {
    readonly call: bigint;
    readonly answer: string;
    readonly isTold: boolean;
    readonly carvedNanos: bigint;
    readonly ceilingNanos: bigint | undefined;
    readonly nowMs: number;
  };
}

export async function updateLease(tx: Executor, id: string, change: LeaseChange): Promise<void> {
  const dueAtMs = change.dueAtMs ?? null;
  const { heard } = change;
  if (heard === undefined) {
    await sql`
      update leases set state = ${change.state}, due_at_ms = ${dueAtMs}
      where id = ${id}`.execute(tx);
    return;
  }
  await sql`
    update leases set state = ${change.state}, due_at_ms = ${dueAtMs}, is_told = ${heard.isTold},
      carved_nanos = ${heard.carvedNanos}, ceiling_nanos = ${heard.ceilingNanos ?? null},
      last_call = ${heard.call}, last_answer = ${heard.answer}, renewed_at_ms = ${heard.nowMs}
    where id = ${id}`.execute(tx);
}
