import type { AttemptFailure, ClientCall, ResponseHandler, ResponseHead } from "@tandem/libs/http";
import { Fault } from "@tandem/libs/kernel";
import { failureLatencyMs } from "@tandem/libs/resilience";
import type { Timer } from "@tandem/libs/world";
import { type FailedAttempt, judgeRetry } from "../core/retry-rule.ts";
import type { Route } from "../core/route-table.ts";
import { routerFaults } from "../faults.ts";
import type { GatewayPool } from "../pool/gateway-pool.ts";
import type { GatewayReplica, WaitingCall } from "../pool/gateway-replica.ts";
import type { RouterParts } from "../router-parts.ts";
import type { AdmittedRequest } from "./admitted-request.ts";
import { respondFault } from "./answer-fault.ts";
import { choose } from "./choose.ts";
import { HandOver } from "./hand-over.ts";
import { RequestBody } from "./request-body.ts";
import { answerFields, begunFields, declinedField, requestFields } from "./request-fields.ts";

/**
 * A long generation says nothing about the replica that passed it on: above this a latency counts
 * as this, so that one slow answer does not starve a replica.
 */
const latencyCountedMsMax = 2_000;

const noFields: readonly never[] = [];

/**
 * Fourth phase: sends the request to a replica and its answer to the client, and tries another
 * replica where that is safe. States: collecting the body → attempting ⇄ holding (no replica takes
 * connections) → withholding (a small whole answer, until it is complete) or committed → over.
 *
 * A stream whose replica is lost goes on at another one, with the request and what the client has
 * of the answer (`hand-over.ts`).
 */
export class Relay implements ResponseHandler, WaitingCall {
  readonly #request: AdmittedRequest;
  readonly #route: Route;
  readonly #pool: GatewayPool;
  readonly #parts: RouterParts;
  readonly #body: RequestBody;
  #call: ClientCall | undefined;
  #replica: GatewayReplica | undefined;
  #attemptStartedAtMs = 0;
  #startedAttempts = 0;
  /** A replica that was lost, or given up, may have done it: whoever gets it now is to answer it. */
  #isBegun = false;
  #tried: Set<GatewayReplica> | undefined;
  #isCommitted = false;
  #withheld: { readonly head: ResponseHead; readonly chunks: Buffer[] } | undefined;
  /** While it waits for a replica that takes connections. */
  #holding:
    | { readonly sinceMs: number; readonly timer: Timer; readonly stop: () => void }
    | undefined;
  /** Waited so far, however often replicas came back and went again. */
  #heldMs = 0;
  /** Of a stream that another replica could go on with. */
  #handOver: HandOver | undefined;
  #isOver = false;

  constructor(
    request: AdmittedRequest,
    given: { readonly route: Route; readonly pool: GatewayPool; readonly parts: RouterParts },
  ) {
    this.#request = request;
    this.#route = given.route;
    this.#pool = given.pool;
    this.#parts = given.parts;
    this.#body = new RequestBody(request.exchange, {
      limits: given.parts.config,
      events: {
        onReady: () => this.#attempt(),
        onTooLarge: () => this.#giveUp(routerFaults.body_too_large(), "refused"),
      },
    });
  }

  get deadlineAtMs(): number {
    return this.#request.deadlineAtMs;
  }

  begin(): void {
    const { exchange } = this.#request;
    exchange.onAbort(() => this.#clientLeft());
    this.#pool.budget.requested();
    this.#body.begin();
  }

  /** The request's time is over. */
  timeOut(): void {
    this.#giveUp(routerFaults.deadline_exceeded(), "failed");
  }

  #attempt(): void {
    if (this.#isOver) return;
    const { clock } = this.#parts.world;
    const nowMs = clock.monotonicMs();
    const request = this.#request;
    const replica = choose(request, { pool: this.#pool, tried: this.#tried, nowMs });
    if (replica === undefined) {
      this.#giveUp(routerFaults.gateway_unavailable({ retryAfterMs: 1_000 }), "failed");
      return;
    }
    this.#replica = replica;
    this.#attemptStartedAtMs = nowMs;
    replica.load.started();
    replica.movable.add(this);
    replica.health.callStarted();
    const { method, target } = request.exchange.head;
    const body = this.#body.forRequest();
    const handOver = this.#handOver;
    const isMoved = handOver?.isLost === true && Buffer.isBuffer(body);
    const begun = this.#isBegun ? begunFields : noFields;
    const own = isMoved ? handOver.fieldsFor(body) : begun;
    const call = replica.connections.send(
      {
        method,
        target,
        headers: requestFields(request, { ...this.#parts.forwarding, nowMs, own }),
        ...(body === undefined ? {} : { body: isMoved ? handOver.bodyFor(body) : body }),
        freshConnection: request.attempts > 1,
      },
      this,
    );
    this.#call = call;
    this.#body.flowTo(call);
  }

  onHead(head: ResponseHead): void {
    const request = this.#request;
    if (this.#isCommitted) {
      this.#goOn(head);
      return;
    }
    this.#heldMs = 0;
    const { contentLength } = head;
    const isSmall = (contentLength ?? Infinity) <= this.#parts.config.withheldAnswerBytes;
    if (isSmall && head.headers.has(declinedField) && this.#askOther()) return;
    const nowMs = this.#parts.world.clock.monotonicMs();
    request.status = head.status;
    request.firstByteMs = nowMs - request.startedAtMs;
    const tookMs = nowMs - this.#attemptStartedAtMs;
    const countedMs =
      head.status === 503 ? failureLatencyMs : Math.min(tookMs, latencyCountedMsMax);
    this.#replica?.load.observed(countedMs, nowMs);
    this.#replica?.tally.answered(head.status, tookMs);
    this.#handOver = HandOver.of(head, this.#route);
    if (this.#handOver === undefined) this.#replica?.movable.delete(this);
    if (isSmall) {
      this.#withheld = { head, chunks: [] };
    } else {
      request.isStream = true;
      this.#commit(head);
    }
  }

  onChunk(chunk: Buffer): void {
    if (this.#withheld !== undefined) {
      this.#withheld.chunks.push(chunk);
      return;
    }
    const handOver = this.#handOver;
    const piece = handOver === undefined ? chunk : handOver.sent.pass(chunk);
    if (piece !== undefined) this.#write(piece);
  }

  #write(piece: Buffer): void {
    this.#request.answerBytes += piece.length;
    const { exchange } = this.#request;
    if (exchange.write(piece)) return;
    const call = this.#call;
    call?.pause();
    exchange.onDrain(() => call?.resume());
  }

  onEnd(): void {
    const { exchange } = this.#request;
    const withheld = this.#withheld;
    this.#withheld = undefined;
    if (withheld !== undefined) {
      this.#commit(withheld.head);
      for (const chunk of withheld.chunks) this.onChunk(chunk);
    }
    const rest = this.#handOver?.sent.takeRest();
    if (rest !== undefined) this.#write(rest);
    this.#replica?.health.callSucceeded(this.#parts.world.clock.monotonicMs());
    this.#endAttempt();
    this.#isOver = true;
    exchange.end();
  }

  /** The replica that was asked to go on with a stream answers. */
  #goOn(head: ResponseHead): void {
    if (this.#handOver?.takes(head) === true) {
      this.#tried = undefined;
      this.#heldMs = 0;
      return;
    }
    this.#call?.cancel();
    this.#replica?.health.callAbandoned();
    // One that is not ready yet may be asked again; one that refuses has its reasons.
    if (head.status === 503) this.#retry();
    else this.#giveUp(routerFaults.gateway_lost({ detail: `status ${head.status}` }), "failed");
  }

  onFailure(failure: AttemptFailure): void {
    if (this.#isCommitted && this.#handOver?.sent.isComplete === true) {
      this.#handOver.lost();
      this.onEnd();
      return;
    }
    const nowMs = this.#parts.world.clock.monotonicMs();
    this.#reportFailure(failure, nowMs);
    this.#withheld = undefined;
    if (failure.requestStarted) this.#countBegun();
    const { requestStarted } = failure;
    if (this.#mayMove() || this.#mayRetry({ requestStarted, isDeclined: false }, nowMs)) {
      this.#handOver?.lost();
      this.#retry();
      return;
    }
    this.#endAttempt();
    this.#giveUp(this.#faultOf(failure), "failed");
  }

  /** Its replica has fallen silent: another one does it, where that is safe. */
  moveAway(isLong: boolean): void {
    if (this.#isCommitted && !isLong) return;
    const nowMs = this.#parts.world.clock.monotonicMs();
    const begun = { requestStarted: true, isDeclined: false };
    if (this.#isOver || !(this.#mayMove() || this.#mayRetry(begun, nowMs))) return;
    this.#handOver?.lost();
    this.#countBegun();
    this.#replica?.health.callAbandoned();
    this.#call?.cancel();
    this.#retry();
  }

  #countBegun(): void {
    this.#startedAttempts += 1;
    this.#isBegun = true;
  }

  /** Its replica cannot do it. Each is asked once; false when what the last one says is to be told. */
  #askOther(): boolean {
    this.#startedAttempts += 1;
    const nowMs = this.#parts.world.clock.monotonicMs();
    const tried = this.#tried;
    const hasOther = this.#pool.replicas.some(
      (each) => each !== this.#replica && !tried?.has(each) && each.isRouted(nowMs),
    );
    const declined = { requestStarted: true, isDeclined: true };
    if (!hasOther || !this.#mayRetry(declined, nowMs)) return false;
    const { id, target, attempts: attempt } = this.#request;
    this.#parts.log.info("attempt_declined", { request_id: id, target, attempt });
    this.#call?.cancel();
    this.#replica?.health.callAbandoned();
    this.#replica?.load.observed(failureLatencyMs, nowMs);
    this.#retry();
    return true;
  }

  /** A stream that is under way can be gone on with elsewhere. */
  #mayMove(): boolean {
    return this.#isCommitted && this.#handOver?.mayMove(this.#parts.config.lossesMax) === true;
  }

  #mayRetry(attempt: Pick<FailedAttempt, "requestStarted" | "isDeclined">, nowMs: number): boolean {
    const { head } = this.#request.exchange;
    const verdict = judgeRetry({
      ...attempt,
      isCommitted: this.#isCommitted,
      isBodyKept: this.#body.isKept,
      replay: this.#route.replay,
      method: head.method,
      hasIdempotencyKey: head.headers.has("idempotency-key"),
      startedAttempts: this.#startedAttempts,
      attemptsMax: this.#parts.config.attemptsMax,
    });
    return verdict === "free" || (verdict === "budgeted" && this.#pool.budget.tryRetry(nowMs));
  }

  #retry(): void {
    this.#tried ??= new Set();
    if (this.#replica !== undefined) this.#tried.add(this.#replica);
    this.#endAttempt();
    const tried = this.#tried;
    // Replicas come and go meanwhile: what counts is who is there now.
    if (this.#pool.replicas.some((each) => !tried.has(each))) this.#attempt();
    else this.#hold();
  }

  /** Every replica was tried. One that was killed is back within a second: better late than failed. */
  #hold(): void {
    this.#tried = undefined;
    const { clock, timers } = this.#parts.world;
    const { holdTimeoutMs, streamHoldTimeoutMs } = this.#parts.config;
    const patienceMs = this.#isCommitted ? streamHoldTimeoutMs : holdTimeoutMs;
    if (this.#heldMs >= patienceMs) {
      this.#giveUp(routerFaults.gateway_unavailable({ retryAfterMs: 1_000 }), "failed");
      return;
    }
    const goOn = (): void => {
      this.#endHold();
      this.#attempt();
    };
    // An attempt under way is no waiting. One more at the end: on a busy machine this timer rings
    // before the answer to a probe is read that has long come.
    const timer = timers.after(patienceMs - this.#heldMs, goOn);
    this.#holding = { sinceMs: clock.monotonicMs(), timer, stop: this.#pool.whenReady(goOn) };
  }

  #endHold(): void {
    const holding = this.#holding;
    if (holding === undefined) return;
    this.#holding = undefined;
    this.#heldMs += this.#parts.world.clock.monotonicMs() - holding.sinceMs;
    holding.timer.cancel();
    holding.stop();
  }

  #commit(head: ResponseHead): void {
    this.#isCommitted = true;
    if (this.#handOver === undefined || !this.#body.isKept) {
      this.#handOver = undefined;
      this.#body.release();
    } else this.#body.compact();
    const date = this.#parts.dateField();
    const fields = answerFields(this.#request, { head, date });
    this.#request.exchange.startStream(head.status, fields, { contentLength: head.contentLength });
  }

  #reportFailure(failure: AttemptFailure, nowMs: number): void {
    const health = this.#replica?.health;
    this.#replica?.tally.broke(failure.headReceived);
    const { error } = failure;
    if (Fault.is(error) && error.reason === "http.pool_exhausted") health?.callAbandoned();
    else if (failure.headReceived)
      health?.callFailed(nowMs, this.#parts.world.randomness.fraction());
    else health?.callRefused(nowMs);
    this.#parts.log.warn("attempt_failed", {
      request_id: this.#request.id,
      target: this.#request.target,
      attempt: this.#request.attempts,
      request_started: failure.requestStarted,
      head_received: failure.headReceived,
      detail: failure.error.message,
    });
  }

  #faultOf(failure: AttemptFailure): Fault {
    const { message: detail } = failure.error;
    if (!failure.requestStarted || this.#route.replay === "always") {
      return routerFaults.gateway_unavailable({ detail, retryAfterMs: 1_000 });
    }
    return routerFaults.gateway_lost({ detail });
  }

  #giveUp(fault: Fault, outcome: "refused" | "failed"): void {
    if (this.#isOver) return;
    const request = this.#request;
    this.#abandon();
    request.reason = fault.reason;
    if (this.#isCommitted) {
      request.outcome = "cut";
      request.exchange.noteFault?.(fault);
      request.exchange.cut();
      return;
    }
    request.outcome = outcome;
    request.status = fault.httpStatus;
    respondFault(request, fault);
  }

  #clientLeft(): void {
    if (this.#isOver) return;
    this.#request.outcome = "client_left";
    this.#abandon();
  }

  /** Stops whatever is under way, without a word to anybody. */
  #abandon(): void {
    this.#isOver = true;
    this.#endHold();
    this.#call?.cancel();
    if (this.#call !== undefined) this.#replica?.health.callAbandoned();
    this.#endAttempt();
  }

  #endAttempt(): void {
    if (this.#call !== undefined) this.#replica?.load.ended();
    this.#replica?.movable.delete(this);
    this.#call = undefined;
    this.#replica = undefined;
    this.#request.requestBytes = this.#body.bytes;
  }
}
