/**
 * A gateway replica as the contract wants it: carves reservations from leases, keeps a journal,
 * renews, settles, and starts anew after a kill. It also serves as the plain telling of how the
 * wallet's side of `quota.proto` is to be used.
 */
import type { Settlement } from "../core/settlement.ts";
import type { Subject } from "../core/subject.ts";
import type { LeaseAnswer } from "../store/lease-answer.ts";
import type { WalletCall } from "../store/leases.ts";

/** How messages travel: late, several times, in any order, or not at all. */
export interface SimulatedLine {
  leaseWallet(call: WalletCall, onAnswer: (answer: LeaseAnswer) => void): void;
  settle(settlements: readonly Settlement[], onAnswer: (ids: readonly string[]) => void): void;
  adopt(incarnation: string, onAnswer: (leaseIds: readonly string[]) => void): void;
  release(leaseIds: readonly string[], onAnswer: () => void): void;
}

export interface SimulatedRequest {
  readonly id: string;
  readonly subject: Subject;
  readonly reservedNanos: bigint;
  /** What it will really cost, at most what is reserved. */
  readonly chargedNanos: bigint;
  readonly durationMs: number;
}

interface Slice {
  readonly id: string;
  readonly subject: Subject;
  calls: bigint;
  /** Neither carved nor charged. */
  freeNanos: bigint;
  /** Reservations of running requests, and charges whose settlement is not acknowledged. */
  carvedNanos: bigint;
  state: "active" | "draining" | "over";
  validUntilMs: number;
  underWay: CallUnderWay | undefined;
  /** Promises that hold until the next answer, where this gateway makes them. */
  ceilings: bigint[];
  isScarce: boolean;
}

interface CallUnderWay {
  readonly call: WalletCall;
  readonly firstSentAtMs: number;
  readonly lastSentAtMs: number;
}

interface Running {
  readonly request: SimulatedRequest;
  readonly slice: Slice;
}

/** What survives a kill. */
export interface SimulatedJournal {
  readonly carved: Map<string, { readonly request: SimulatedRequest; readonly leaseId: string }>;
  readonly unsettled: Map<string, Settlement>;
}

const retryMs = 400;
const stockCalls = 3n;

export class SimulatedGateway {
  readonly #line: SimulatedLine;
  readonly #nowMs: () => number;
  readonly #name: string;
  readonly #incarnation: string;
  readonly #journal: SimulatedJournal;
  readonly #promises: boolean;
  readonly #onServed: (request: SimulatedRequest) => void;
  readonly #slices: Slice[] = [];
  readonly #running: (Running & { readonly endsAtMs: number })[] = [];
  readonly #sliceOf = new Map<string, Slice>();
  #waiting: SimulatedRequest[] = [];
  #adopted: readonly string[] | undefined;
  #state: "recovering" | "ready" = "recovering";
  #settleSentAtMs = Number.NEGATIVE_INFINITY;
  #leases = 0;

  constructor(options: {
    readonly line: SimulatedLine;
    readonly nowMs: () => number;
    readonly name: string;
    readonly incarnation: string;
    readonly journal: SimulatedJournal;
    /** Whether it promises ceilings, so that more returns early when it dies. */
    readonly promises: boolean;
    readonly onServed: (request: SimulatedRequest) => void;
  }) {
    this.#line = options.line;
    this.#nowMs = options.nowMs;
    this.#name = options.name;
    this.#incarnation = options.incarnation;
    this.#journal = options.journal;
    this.#promises = options.promises;
    this.#onServed = options.onServed;
    this.#recover();
  }

  /** True when it has settled everything and holds nothing. */
  get isIdle(): boolean {
    const { carved, unsettled } = this.#journal;
    return this.#state === "ready" && carved.size === 0 && unsettled.size === 0;
  }

  arrive(request: SimulatedRequest): void {
    this.#waiting.push(request);
    this.#serveWaiting();
  }

  /** Called every few milliseconds of the simulation. */
  tick(): void {
    const nowMs = this.#nowMs();
    for (const running of this.#running.splice(0)) {
      if (running.endsAtMs <= nowMs) this.#finish(running);
      else this.#running.push(running);
    }
    if (this.#state === "recovering") this.#recover();
    for (const slice of this.#slices) this.#renew(slice, nowMs);
    if (nowMs - this.#settleSentAtMs >= retryMs && this.#journal.unsettled.size > 0) {
      this.#settleSentAtMs = nowMs;
      const batch = [...this.#journal.unsettled.values()].slice(0, 20);
      this.#line.settle(batch, (ids) => this.#settled(ids));
    }
  }

  /** After a start: end the leases of former lives, settle from the journal, then give them back. */
  #recover(): void {
    if (this.#adopted === undefined) {
      this.#line.adopt(this.#incarnation, (leaseIds) => {
        this.#adopted ??= leaseIds;
      });
      return;
    }
    for (const [id, { request, leaseId }] of this.#journal.carved) {
      // The journal's last count: what was delivered until then.
      this.#journal.unsettled.set(id, this.#settlementOf(request, leaseId));
      this.#journal.carved.delete(id);
      this.#onServed(request);
    }
    if (this.#journal.unsettled.size > 0) return;
    this.#line.release(this.#adopted, () => {
      this.#state = "ready";
      this.#serveWaiting();
    });
  }

  #serveWaiting(): void {
    if (this.#state === "recovering") return;
    const left: SimulatedRequest[] = [];
    for (const request of this.#waiting) if (!this.#carve(request)) left.push(request);
    this.#waiting = left;
  }

  #carve(request: SimulatedRequest): boolean {
    const slice = this.#sliceFor(request);
    const nowMs = this.#nowMs();
    const { reservedNanos } = request;
    const ceiling = slice.ceilings.reduce(
      (least, one) => (one < least ? one : least),
      slice.freeNanos + slice.carvedNanos,
    );
    const isValid = slice.state === "active" && nowMs < slice.validUntilMs;
    const fits = slice.freeNanos >= reservedNanos && slice.carvedNanos + reservedNanos <= ceiling;
    if (!isValid || !fits) return false;
    slice.freeNanos -= reservedNanos;
    slice.carvedNanos += reservedNanos;
    this.#journal.carved.set(request.id, { request, leaseId: slice.id });
    this.#running.push({ request, slice, endsAtMs: nowMs + request.durationMs });
    return true;
  }

  #finish({ request, slice }: Running): void {
    const { reservedNanos, chargedNanos, id } = request;
    this.#journal.unsettled.set(id, this.#settlementOf(request, slice.id));
    this.#journal.carved.delete(id);
    this.#sliceOf.set(id, slice);
    slice.carvedNanos -= reservedNanos - chargedNanos;
    slice.freeNanos += reservedNanos - chargedNanos;
    this.#onServed(request);
  }

  #settled(ids: readonly string[]): void {
    for (const id of ids) {
      const settlement = this.#journal.unsettled.get(id);
      if (settlement === undefined) continue;
      this.#journal.unsettled.delete(id);
      const slice = this.#sliceOf.get(id);
      if (slice !== undefined) slice.carvedNanos -= settlement.chargedNanos;
      this.#sliceOf.delete(id);
    }
  }

  #settlementOf(request: SimulatedRequest, leaseId: string): Settlement {
    const tokens = { inputTokens: 1, cachedInputTokens: 0, outputTokens: 1, reasoningTokens: 0 };
    const { id: requestId, subject, reservedNanos, chargedNanos } = request;
    return {
      ...{ requestId, leaseId, reservedNanos, chargedNanos, ...subject, ...tokens },
      ...{ upstream: "u", upstreamNanos: 0n, atMs: 0, outcome: "complete", estimated: false },
      ...{ priceId: "prc_1", currency: "USD" },
    };
  }

  #sliceFor({ subject }: SimulatedRequest): Slice {
    const open = this.#slices.find(
      ({ state, subject: own }) => state === "active" && own.keyId === subject.keyId,
    );
    if (open !== undefined) return open;
    this.#leases += 1;
    const slice: Slice = {
      id: `lse_${this.#name}_${this.#incarnation}_${this.#leases}`,
      ...{ subject, calls: 0n, freeNanos: 0n, carvedNanos: 0n, state: "active" },
      ...{ validUntilMs: 0, underWay: undefined, ceilings: [], isScarce: false },
    };
    this.#slices.push(slice);
    return slice;
  }

  #renew(slice: Slice, nowMs: number): void {
    const { underWay } = slice;
    if (slice.state === "over" || this.#state === "recovering") return;
    if (underWay !== undefined) {
      if (nowMs - underWay.lastSentAtMs < retryMs) return;
      slice.underWay = { ...underWay, lastSentAtMs: nowMs };
      this.#send(slice, underWay.call);
      return;
    }
    const needed = this.#neededFor(slice);
    const isDue = nowMs >= slice.validUntilMs - 4_000;
    if (needed === 0n && !isDue) return;
    const call = this.#nextCall(slice, needed);
    slice.underWay = { call, firstSentAtMs: nowMs, lastSentAtMs: nowMs };
    this.#send(slice, call);
  }

  #neededFor(slice: Slice): bigint {
    if (slice.state !== "active") return 0n;
    const waiting = this.#waiting.filter(({ subject }) => subject.keyId === slice.subject.keyId);
    const wanted = waiting.reduce((sum, { reservedNanos }) => sum + reservedNanos, 0n);
    return wanted > slice.freeNanos ? wanted - slice.freeNanos : 0n;
  }

  #nextCall(slice: Slice, neededNanos: bigint): WalletCall {
    slice.calls += 1n;
    const isOver = slice.state === "draining";
    const isIdle = neededNanos === 0n;
    // What is not needed now goes back when it is scarce, or when nothing can be carved any more.
    const returnedNanos = isOver || (isIdle && slice.isScarce) ? slice.freeNanos : 0n;
    slice.freeNanos -= returnedNanos;
    const keptNanos = slice.freeNanos + slice.carvedNanos;
    const room = slice.carvedNanos + neededNanos + slice.freeNanos / stockCalls;
    const ceilingNanos = this.#promises ? room : undefined;
    if (ceilingNanos !== undefined) slice.ceilings.push(ceilingNanos);
    return {
      leaseId: slice.id,
      holder: this.#name,
      incarnation: this.#incarnation,
      organisationId: slice.subject.organisationId,
      subject: slice.subject,
      call: slice.calls,
      neededNanos,
      leastNanos: neededNanos === 0n ? 0n : 1n,
      carvedNanos: slice.carvedNanos,
      returnedNanos: 0n,
      keptNanos,
      ceilingNanos,
    };
  }

  #send(slice: Slice, call: WalletCall): void {
    this.#line.leaseWallet(call, (answer) => {
      const { underWay } = slice;
      if (underWay?.call.call !== call.call) return;
      slice.underWay = undefined;
      slice.freeNanos += answer.grantedNanos;
      slice.validUntilMs = underWay.firstSentAtMs + answer.validMs;
      slice.isScarce = answer.isScarce;
      // Only the newest promise binds from now on.
      slice.ceilings = slice.ceilings.slice(-1);
      if (answer.isSuperseded) {
        // Told a second time with nothing carved, or never opened: there is nothing left of it.
        const isGone = slice.state === "draining" || call.call === 1n;
        slice.state = isGone && slice.carvedNanos === 0n ? "over" : "draining";
        if (slice.state === "over") slice.freeNanos = 0n;
      }
      this.#serveWaiting();
      // Whoever still waits although less than needed was there is refused, as by 402.
      if (answer.limitSource === undefined) return;
      const key = slice.subject.keyId;
      this.#waiting = this.#waiting.filter(({ subject }) => subject.keyId !== key);
    });
  }
}
