import { type Executor, sql } from "@tandem/libs/store";
import { holdAccount, walletAccount } from "../core/account.ts";
import {
  ageLease,
  ceilingAfter,
  judgeCall,
  type LeaseCall,
  type LeaseState,
} from "../core/lease.ts";
import { decideSlice, type Room } from "../core/slice.ts";
import { isCalledIn } from "../core/standing.ts";
import { type Scope, type Subject, type SubjectField, scopeOf } from "../core/subject.ts";
import { faults } from "../faults.ts";
import { type Books, changeBooks, type LockedWallet, lockWallet } from "./books.ts";
import {
  attachBudgets,
  findBudgets,
  findScopeFields,
  hasOutlived,
  marksOf,
  moveHeld,
  roomsOf,
  validMsOf,
} from "./budget-rows.ts";
import { expireCredit } from "./credit.ts";
import { budgetMarks, decodeAnswer, encodeAnswer, type LeaseAnswer } from "./lease-answer.ts";
import { findLeases, insertLease, type StoredLease, updateLease } from "./lease-rows.ts";
import { callIn, stockBeside } from "./stocks.ts";

/** A holder's call to open or renew a lease. */
export interface WalletCall extends LeaseCall {
  readonly leaseId: string;
  /** On whose behalf the first request is made. */
  readonly subject: Subject;
  readonly neededNanos: bigint;
  readonly leastNanos: bigint;
  readonly ceilingNanos: bigint | undefined;
}

/**
 * Opens or renews a lease: takes back what the holder returns and grants what it needs, as far as
 * the wallet and every budget allow. A repeated call is answered as before and moves nothing.
 * Throws `quota.lease_foreign` for a lease of another holder, life or organisation.
 */
export function leaseWallet(books: Books, call: WalletCall): Promise<LeaseAnswer> {
  return changeBooks(books, call.organisationId, async (tx) => {
    const locked = await lockWallet(tx, books, call.organisationId);
    if (locked === undefined) return emptyAnswer(books);
    const expired = await expireCredit(tx, books, locked);
    const wallet = { ...locked, availableNanos: locked.availableNanos - expired };
    const fields = await findScopeFields(tx, call.organisationId);
    const [stored] = await findLeases(tx, [call.leaseId]);
    const given = { books, wallet, call, fields };
    return stored === undefined ? open(tx, given) : renew(tx, { ...given, stored });
  });
}

interface Given {
  readonly books: Books;
  readonly wallet: LockedWallet;
  readonly call: WalletCall;
  /** By which budgets tell requests apart at this moment. */
  readonly fields: readonly SubjectField[];
}

function emptyAnswer(books: Books): LeaseAnswer {
  return {
    grantedNanos: 0n,
    validMs: books.times.validMs,
    currency: "",
    limitSource: "wallet",
    resetsAtMs: 0,
    availableNanos: 0n,
    scopedBy: [],
    isSuperseded: true,
    isScarce: true,
    isCallingIn: false,
    marks: [],
  };
}

async function open(tx: Executor, given: Given): Promise<LeaseAnswer> {
  const { books, wallet, call, fields } = given;
  const scope = scopeOf(call.subject, fields);
  const budgets = await budgetsOf(tx, given, scope);
  const decision = decideSlice({
    neededNanos: call.neededNanos,
    leastNanos: call.leastNanos,
    stockNanos: 0n,
    rooms: [walletRoom(wallet.availableNanos), ...roomsOf(budgets)],
  });
  const { grantNanos, shortOf } = decision;
  // A later call of a lease that is not known here cannot go on: the holder opens another one. Nor
  // does an empty lease serve anybody, so none is made for a caller without money.
  const isOpened = call.call === 1n && grantNanos > 0n;
  const answer: LeaseAnswer = {
    grantedNanos: isOpened ? grantNanos : 0n,
    validMs: validMsOf(budgets, { nowMs: wallet.nowMs, validMs: books.times.validMs }),
    currency: wallet.currency,
    limitSource: shortOf?.source,
    resetsAtMs: shortOf?.resetsAtMs ?? 0,
    availableNanos: wallet.availableNanos - (isOpened ? grantNanos : 0n),
    scopedBy: fields,
    isSuperseded: !isOpened,
    isScarce: decision.isScarce,
    isCallingIn: shortOf !== undefined && (await callIn(tx, { wallet, leaseId: call.leaseId })),
    marks: budgetMarks(budgets),
  };
  if (!isOpened) return answer;
  await insertLease(tx, { ...call, id: call.leaseId, scope, ...wallet });
  await attachBudgets(tx, call.leaseId, budgets);
  await moveHold(tx, given, { nanos: grantNanos, isBudgeted: budgets.length > 0 });
  await hear(tx, given, { answer, state: "active", heldNanos: grantNanos });
  return answer;
}

async function renew(
  tx: Executor,
  given: Given & { readonly stored: StoredLease },
): Promise<LeaseAnswer> {
  const { books, wallet, call, fields, stored } = given;
  const { lease, heldNanos } = stored;
  const budgets = await budgetsOf(tx, given, lease.scope);
  const { times } = books;
  const { nowMs } = wallet;
  const isStale =
    String(fields) !== String(lease.scope.fields) ||
    String(marksOf(budgets)) !== String(stored.attached) ||
    hasOutlived(budgets, { sinceMs: lease.renewedAtMs, nowMs });
  const verdict = judgeCall(lease, { call, heldNanos, isStale, nowMs, times });
  if (verdict.kind === "foreign") throw faults.lease_foreign({ detail: `${lease.id}` });
  if (verdict.kind === "repeat") return decodeAnswer(stored.lastAnswer);
  const { releaseNanos, state } = verdict;
  const isActive = state === "active";
  const keptNanos = heldNanos - releaseNanos;
  const freedRoom = (room: Room): Room => ({
    ...room,
    remainingNanos: room.remainingNanos + releaseNanos,
  });
  const decision = decideSlice({
    neededNanos: isActive ? call.neededNanos : 0n,
    leastNanos: call.leastNanos,
    stockNanos: keptNanos > call.carvedNanos ? keptNanos - call.carvedNanos : 0n,
    rooms: [walletRoom(wallet.availableNanos), ...roomsOf(budgets)].map(freedRoom),
  });
  const { grantNanos, shortOf } = decision;
  const answer: LeaseAnswer = {
    grantedNanos: grantNanos,
    validMs: validMsOf(budgets, { nowMs, validMs: times.validMs }),
    currency: wallet.currency,
    limitSource: shortOf?.source,
    resetsAtMs: shortOf?.resetsAtMs ?? 0,
    availableNanos: wallet.availableNanos + releaseNanos - grantNanos,
    scopedBy: fields,
    isSuperseded: !isActive,
    isScarce: decision.isScarce || (await isWanted(tx, given, keptNanos)),
    isCallingIn: shortOf !== undefined && (await callIn(tx, { wallet, leaseId: call.leaseId })),
    marks: budgetMarks(budgets),
  };
  // A budget that was taken away meanwhile is still counted, so that the ledger verifies.
  await moveHold(tx, given, { nanos: grantNanos - releaseNanos, isBudgeted: stored.isBudgeted });
  await hear(tx, given, { answer, state, heldNanos: keptNanos + grantNanos, stored });
  return answer;
}

/** A holder that needs nothing now is to keep nothing; one that does is told by its slice. */
async function isWanted(tx: Executor, given: Given, keptNanos: bigint): Promise<boolean> {
  const { wallet, call } = given;
  if (call.neededNanos > 0n || keptNanos <= call.carvedNanos) return false;
  const stockNanos = keptNanos - call.carvedNanos + (await stockBeside(tx, call));
  return isCalledIn({ ...wallet, stockNanos });
}

function budgetsOf(tx: Executor, { wallet, call }: Given, scope: Scope) {
  const { organisationId } = call;
  return findBudgets(tx, { organisationId, nowMs: wallet.nowMs, subject: scope.subject });
}

function walletRoom(remainingNanos: bigint): Room {
  return { source: "wallet", remainingNanos, resetsAtMs: 0 };
}

/** Moves money between the wallet and the lease: into the lease where `nanos` is positive. */
async function moveHold(
  tx: Executor,
  given: Given,
  { nanos, isBudgeted }: { readonly nanos: bigint; readonly isBudgeted: boolean },
): Promise<void> {
  const { books, wallet, call } = given;
  if (nanos === 0n) return;
  const accounts = [walletAccount(call.organisationId), holdAccount(call.leaseId)] as const;
  const [debitAccount, creditAccount] =
    nanos > 0n ? accounts : ([accounts[1], accounts[0]] as const);
  if (isBudgeted) await moveHeld(tx, call.leaseId, nanos);
  await books.ledger.append(tx, wallet, [
    {
      organisationId: call.organisationId,
      debitAccount,
      creditAccount,
      nanos: nanos > 0n ? nanos : -nanos,
      kind: nanos > 0n ? "lease" : "release",
      reference: call.leaseId,
    },
  ]);
}

async function hear(
  tx: Executor,
  { books, wallet, call }: Given,
  heard: {
    readonly answer: LeaseAnswer;
    readonly state: LeaseState;
    readonly heldNanos: bigint;
    readonly stored?: StoredLease;
  },
): Promise<void> {
  const { answer, state, heldNanos, stored } = heard;
  const { nowMs } = wallet;
  const isTold = stored?.lease.isTold ?? false;
  const ceilingNanos = ceilingAfter({ isTold }, call);
  const renewed = { state, ceilingNanos, renewedAtMs: nowMs };
  const aged = ageLease(renewed, { heldNanos, nowMs, times: books.times });
  await updateLease(tx, call.leaseId, {
    state,
    dueAtMs: aged.dueAtMs,
    heard: {
      call: call.call,
      answer: encodeAnswer(answer),
      isTold: answer.isSuperseded,
      // Whoever needs something carves it as soon as it is there.
      carvedNanos: call.carvedNanos + smaller(answer.grantedNanos, call.neededNanos),
      ceilingNanos,
      nowMs,
    },
  });
}

/** Whose leases these are is known by name; for `AdoptLeases`. */
export interface HeldLease {
  readonly leaseId: string;
  readonly organisationId: string;
  readonly heldNanos: bigint;
}

/**
 * Ends the leases of a holder's former lives and lists what they still hold. Nothing is released:
 * what was carved in them is in the holder's journal. No wallet is locked: a late message of a
 * former life may undo the mark, but its lease is released, or falls silent, all the same.
 *
 * The call itself may be late, and meet the leases of a newer life. They end too, but as ones whose
 * holder has yet to be told: what it has carved meanwhile stays held.
 */
export async function adoptLeases(
  books: Books,
  { holder, incarnation }: { readonly holder: string; readonly incarnation: string },
): Promise<readonly HeldLease[]> {
  const { rows } = await sql<{ id: string; organisation_id: string; held: bigint }>`
    with former as (
      update leases set state = 'draining'
      where holder = ${holder} and incarnation <> ${incarnation} and state <> 'closed'
      returning id, organisation_id
    )
    select former.id, former.organisation_id, balance as held from former
    join accounts on accounts.id = 'hold:' || former.id
    order by former.id`.execute(books.database);
  return rows.map((row) => ({
    leaseId: row.id,
    organisationId: row.organisation_id,
    heldNanos: row.held,
  }));
}

/** Closes leases of this holder and gives back what they hold; how much. Others are left alone. */
export async function releaseLeases(
  books: Books,
  { holder, leaseIds }: { readonly holder: string; readonly leaseIds: readonly string[] },
): Promise<bigint> {
  let released = 0n;
  for (const { lease } of await findLeases(books.database, leaseIds)) {
    if (lease.holder !== holder || lease.state === "closed") continue;
    released += await changeLease(books, lease, "release");
  }
  return released;
}

/**
 * Lets time, or a release, have its effect on one lease; how much went back to the wallet. Safe to
 * run by several at once: whoever comes second finds nothing to do.
 */
export function changeLease(
  books: Books,
  { id, organisationId }: { readonly id: string; readonly organisationId: string },
  reason: "release" | "age",
): Promise<bigint> {
  return changeBooks(books, organisationId, async (tx) => {
    const wallet = await lockWallet(tx, books, organisationId);
    const [stored] = await findLeases(tx, [id]);
    if (wallet === undefined || stored === undefined || stored.lease.state === "closed") return 0n;
    const { heldNanos, lease } = stored;
    const change =
      reason === "release"
        ? { state: "closed" as const, releaseNanos: heldNanos, dueAtMs: undefined }
        : ageLease(lease, { heldNanos, nowMs: wallet.nowMs, times: books.times });
    const { releaseNanos } = change;
    await updateLease(tx, id, change);
    if (releaseNanos === 0n) return 0n;
    await moveHeld(tx, id, -releaseNanos);
    await books.ledger.append(tx, wallet, [
      {
        organisationId,
        debitAccount: holdAccount(id),
        creditAccount: walletAccount(organisationId),
        nanos: releaseNanos,
        kind: "release",
        reference: id,
      },
    ]);
    return releaseNanos;
  });
}

function smaller(left: bigint, right: bigint): bigint {
  return left < right ? left : right;
}
