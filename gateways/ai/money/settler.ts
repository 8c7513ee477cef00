import { Fault } from "@tandem/libs/kernel";
import type { Log } from "@tandem/libs/telemetry";
import { sleep, type World } from "@tandem/libs/world";
import { decodeSettlement, encodeSettlement, type Settlement } from "./settlement.ts";

/** The part of a journal that the settler needs (`libs/store`). */
export interface SettlementJournal {
  append(record: Uint8Array): Promise<number>;
  replay(): AsyncIterable<{ readonly position: number; readonly payload: Uint8Array }>;
  truncateBefore(position: number): Promise<void>;
  readonly nextPosition: number;
}

export interface SettleReply {
  readonly settled: readonly string[];
  readonly refused: readonly { readonly requestId: string; readonly reason: string }[];
}

export interface SettlerParts {
  readonly world: World;
  readonly log: Log;
  readonly journal: SettlementJournal;
  readonly callQuota: (settlements: readonly Settlement[]) => Promise<SettleReply>;
}

/** A lease, as far as it has to hear of settlements. */
export interface Acknowledged {
  acknowledge(chargedNanos: bigint): void;
}

interface Pending {
  readonly settlement: Settlement;
  /** 0 until the journal has it. */
  position: number;
  /** Quota has booked or refused it. */
  isDone: boolean;
  /** Whose reservation it was; told when quota has the charge in its ledger. */
  readonly payer: Acknowledged | undefined;
  /** The same request, settled once more. */
  twin: Pending | undefined;
}

const batchMax = 500;
const periodMs = 200;
/** How long an answer waits for quota itself where the disk fails. */
const settleNowMs = 2_000;
const settlePauseMs = 25;
const longestPauseMs = 5_000;
/** Settled ones that may stand at the front of the queue before it is cut. */
const queueSlackMax = 4_096;
/** More than this waiting for quota: the journal's own limit is near, and memory is not endless. */
const pendingMax = 200_000;

/**
 * Brings settlements into the ledger exactly once. Each is in the journal before the answer it
 * belongs to ends, is sent to quota in batches until quota has it, and is forgotten by the journal
 * only then. What a killed process left is sent at its next start; quota knows it by request id.
 */
export class Settler {
  readonly #parts: SettlerParts;
  readonly #pending = new Map<string, Pending>();
  /** The same and those done lately, in the order they came; emptied from the front. */
  #queue: Pending[] = [];
  #queueStart = 0;
  /** The call to quota that is under way; whether it was answered. */
  #sending: Promise<boolean> | undefined;
  #pauseMs = periodMs;
  #nextSendMs = Number.NEGATIVE_INFINITY;
  #truncatedBefore = 0;
  /** Settlements that quota has booked or refused since the start. */
  #done = 0;

  constructor(parts: SettlerParts) {
    this.#parts = parts;
  }

  /** Settlements that quota does not have yet. */
  get backlog(): number {
    return this.#pending.size;
  }

  get isFull(): boolean {
    return this.#pending.size >= pendingMax;
  }

  /** Takes over what the last life of this replica left. Resolves with how many there were. */
  async recover(): Promise<number> {
    for await (const { position, payload } of this.#parts.journal.replay()) {
      const settlement = decodeSettlement(payload);
      if (settlement === undefined) {
        this.#parts.log.error("settlement_unreadable", { position });
        continue;
      }
      this.#add({ settlement, position, isDone: false, payer: undefined, twin: undefined });
    }
    return this.#pending.size;
  }

  /**
   * Resolves when the settlement would survive a loss of power. Rejects with the journal's fault
   * (`store.full`, `store.disk_failed` …); it is sent to quota nevertheless.
   */
  async settle(settlement: Settlement, payer: Acknowledged | undefined): Promise<void> {
    const pending: Pending = { settlement, position: 0, isDone: false, payer, twin: undefined };
    this.#add(pending);
    pending.position = await this.#parts.journal.append(encodeSettlement(settlement));
  }

  #add(pending: Pending): void {
    const { requestId } = pending.settlement;
    this.#queue.push(pending);
    const first = this.#pending.get(requestId);
    if (first === undefined) this.#pending.set(requestId, pending);
    else {
      // The same request once more, sent again by the router: one of them is sent at a time.
      pending.twin = first.twin;
      first.twin = pending;
    }
  }

  /** Everything that is pending now; see `isSettled`. */
  get pendingIds(): readonly string[] {
    return [...this.#pending.keys()];
  }

  /** True once quota has booked or refused all of these. */
  isSettled(requestIds: readonly string[]): boolean {
    return requestIds.every((requestId) => !this.#pending.has(requestId));
  }

  /**
   * Asks quota itself to book this request; true when it has. For when the disk fails us. All who
   * ask share a call: one by one they would wait for the wallet's lock, which only one can have.
   */
  async settleNow(requestId: string): Promise<boolean> {
    const { world } = this.#parts;
    const untilMs = world.clock.monotonicMs() + settleNowMs;
    let isAnswered = true;
    while (isAnswered && this.#pending.has(requestId) && world.clock.monotonicMs() < untilMs) {
      // The call under way may have begun before this request was there.
      isAnswered = await (this.#sending ?? this.#sendOnce());
      if (this.#pending.has(requestId)) await sleep(world, settlePauseMs);
    }
    return !this.#pending.has(requestId);
  }

  /** Called some times a second. */
  tick(nowMs: number): void {
    const isBusy = this.#sending !== undefined || nowMs < this.#nextSendMs;
    if (!isBusy && this.#pending.size > 0) void this.#sendOnce();
  }

  #sendOnce(): Promise<boolean> {
    const sending = this.#send().finally(() => {
      this.#sending = undefined;
      this.#nextSendMs = this.#parts.world.clock.monotonicMs() + this.#pauseMs;
    });
    this.#sending = sending;
    return sending;
  }

  /** Sends all there is, as long as quota takes it; for an orderly end. */
  async drain(): Promise<void> {
    let before = -1;
    while (this.#pending.size > 0 && this.#done > before) {
      before = this.#done;
      await this.#send();
    }
  }

  /** Whether quota has answered. */
  async #send(): Promise<boolean> {
    const batch: Pending[] = [];
    for (let at = this.#queueStart; at < this.#queue.length && batch.length < batchMax; at += 1) {
      const pending = this.#queue[at];
      if (pending === undefined || pending.isDone) continue;
      if (this.#pending.get(pending.settlement.requestId) === pending) batch.push(pending);
    }
    try {
      const reply = await this.#parts.callQuota(batch.map(({ settlement }) => settlement));
      this.#take(reply);
      // A wallet that is locked leaves some waiting: not a failure, but no reason to hurry.
      this.#pauseMs = batch.length === batchMax && reply.settled.length > 0 ? 0 : periodMs;
      await this.#truncate();
      return true;
    } catch (error) {
      this.#pauseMs = Math.min(Math.max(this.#pauseMs, periodMs) * 2, longestPauseMs);
      const fault = Fault.from(error);
      this.#parts.log.warn("settle_failed", {
        reason: fault.reason,
        detail: fault.detail,
        backlog: this.#pending.size,
      });
      return false;
    }
  }

  #take({ settled, refused }: SettleReply): void {
    for (const requestId of settled) this.#forget(requestId);
    for (const { requestId, reason } of refused) {
      // Parked at quota for people to see; sending it again would change nothing.
      this.#parts.log.error("settlement_refused", { request_id: requestId, refusal: reason });
      this.#forget(requestId);
    }
  }

  #forget(requestId: string): void {
    const pending = this.#pending.get(requestId);
    if (pending === undefined) return;
    this.#pending.delete(requestId);
    this.#done += 1;
    const { chargedNanos } = pending.settlement;
    let next: Pending | undefined;
    for (let twin: Pending | undefined = pending; twin !== undefined; ) {
      const following: Pending | undefined = twin.twin;
      if (twin.settlement.chargedNanos > chargedNanos) {
        // Quota has a part of it: what it asks for beyond that is still to come.
        twin.twin = next;
        next = twin;
      } else {
        twin.isDone = true;
        twin.payer?.acknowledge(twin.settlement.chargedNanos);
      }
      twin = following;
    }
    if (next !== undefined) this.#pending.set(requestId, next);
    while (this.#queue[this.#queueStart]?.isDone === true) this.#queueStart += 1;
    if (this.#queueStart < queueSlackMax) return;
    this.#queue = this.#queue.slice(this.#queueStart);
    this.#queueStart = 0;
  }

  /** Everything before the oldest settlement that quota does not have may go. */
  async #truncate(): Promise<void> {
    let oldest = this.#parts.journal.nextPosition;
    for (let at = this.#queueStart; at < this.#queue.length; at += 1) {
      // In the order of their positions; one that is being written has none yet.
      const position = this.#queue[at]?.position ?? 0;
      if (position === 0 || this.#queue[at]?.isDone === true) continue;
      oldest = Math.min(oldest, position);
      break;
    }
    if (oldest <= this.#truncatedBefore) return;
    this.#truncatedBefore = oldest;
    await this.#parts.journal.truncateBefore(oldest);
  }
}
