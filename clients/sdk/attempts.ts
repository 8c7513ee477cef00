import { Connection } from "./connection.ts";
import { isWorthRetrying, RetryPlan, retryAfterMs } from "./core/retry-plan.ts";
import { SiteChoice } from "./core/site-choice.ts";
import { TandemError, type TandemErrorFacts } from "./faults.ts";
import type { RetryNote, SharedState } from "./fetch-options.ts";
import type { ReplayableRequest } from "./replayable-request.ts";

const firstDelayMs = 100;
const delayMsMax = 5_000;

/** Methods that say of themselves that they may be repeated (RFC 9110, 9.2.2). */
const idempotent = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"]);
const keyField = "idempotency-key";

export interface Answered {
  readonly connection: Connection;
  readonly response: Response;
}

/**
 * One request of the caller's, made as often as it takes. Its name, the `Idempotency-Key`, stays
 * the same: whatever was lost, the server makes one answer of it and charges it once.
 */
export class Attempts {
  readonly #shared: SharedState;
  readonly #request: ReplayableRequest;
  readonly #site: SiteChoice;
  readonly #plan: RetryPlan;
  readonly #key: string | undefined;
  /** The caller has no other way to come back to the answer. */
  readonly #ownsKey: boolean;
  #requestId: string | undefined;
  #hasLeft = false;

  constructor(shared: SharedState, request: ReplayableRequest) {
    const { surroundings, baseUrls, site, attemptsMax, patienceMs, budget } = shared;
    const { headers, method } = request;
    this.#shared = shared;
    this.#request = request;
    this.#site = new SiteChoice(request.url, baseUrls, site);
    const rules = { attemptsMax, patienceMs, firstDelayMs, delayMsMax };
    this.#plan = new RetryPlan(rules, budget, surroundings.nowMs());
    this.#ownsKey = !headers.has(keyField) && !idempotent.has(method);
    if (this.#ownsKey) headers.set(keyField, surroundings.newKey());
    this.#key = headers.get(keyField) ?? undefined;
  }

  get path(): string {
    return new URL(this.#request.url).pathname;
  }

  /** Asks for what comes behind event `after`, 0 for all of it. */
  async ask(after: number): Promise<Answered | { readonly error: unknown }> {
    const { surroundings, silenceMs } = this.#shared;
    const { init, method, signal } = this.#request;
    const headers = new Headers(this.#request.headers);
    if (after > 0) headers.set("last-event-id", String(after));
    const connection = new Connection({
      ...{ surroundings, silenceMs, signal, url: this.#site.url },
      init: { ...init, method, headers },
    });
    try {
      const response = await connection.open();
      this.#requestId = response.headers.get("x-request-id") ?? this.#requestId;
      this.#site.answered();
      this.#shared.site = this.#site.at;
      return { connection, response };
    } catch (error) {
      this.lost(connection);
      return { error };
    }
  }

  /** A connection broke. Throws when it was the caller who broke it. */
  lost(connection: Connection): void {
    connection.close();
    this.throwIfLeft();
    this.#site.failed();
  }

  /** The site that was asked last has not got the answer. False when no other one can have it. */
  lacks(): boolean {
    return this.#site.lacks();
  }

  /** Something new came. */
  progressed(): void {
    this.#plan.progressed(this.#shared.surroundings.nowMs());
  }

  /** How long to wait before the rest of a stream that was flowing is asked for. */
  pauseOfStream(): number {
    return this.#shared.surroundings.random() * firstDelayMs;
  }

  /** How long to wait before the next attempt; undefined: there is none. */
  delayAfter(response: Response | undefined): number | undefined {
    const { surroundings } = this.#shared;
    const field = (name: string): string | null => response?.headers.get(name) ?? null;
    return this.#plan.failed({
      nowMs: surroundings.nowMs(),
      random: surroundings.random(),
      retryAfterMs: retryAfterMs(field, surroundings.wallMs()),
    });
  }

  /** Tells whoever wants to know, and waits. Rejects when the caller leaves meanwhile. */
  async pause(note: Partial<RetryNote> & Pick<RetryNote, "kind" | "delayMs">): Promise<void> {
    this.#shared.onRetry({ after: 0, status: undefined, cause: undefined, ...note });
    const { signal } = this.#request;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        stop();
        signal?.removeEventListener("abort", done);
        resolve();
      };
      const stop = this.#shared.surroundings.after(note.delayMs, done);
      if (signal?.aborted) done();
      else signal?.addEventListener("abort", done);
    });
    this.throwIfLeft();
  }

  throwIfLeft(): void {
    const { signal } = this.#request;
    if (!signal?.aborted) return;
    this.left();
    throw signal.reason;
  }

  /**
   * The caller does not want the answer any more. Its name would keep it going for a while, since a
   * lost connection looks the same; so it is said.
   */
  left(): void {
    if (this.#hasLeft || !this.#ownsKey) return;
    this.#hasLeft = true;
    const { headers, init } = this.#request;
    const { body: _, signal: __, ...rest } = init;
    this.#shared.surroundings
      .fetch(this.#site.url, { ...rest, method: "DELETE", headers, keepalive: true })
      .then((response) => response.body?.cancel())
      // It was worth a try.
      .catch(() => undefined);
  }

  fault(given: Pick<TandemErrorFacts, "code"> & Partial<TandemErrorFacts>): TandemError {
    return new TandemError({
      attempts: this.#plan.attempts,
      requestId: this.#requestId,
      idempotencyKey: this.#key,
      lastEventId: 0,
      status: undefined,
      cause: undefined,
      ...given,
    });
  }
}

export function mayRetry({ status, headers }: Response): boolean {
  return isWorthRetrying(status, headers.get("x-should-retry"));
}

export function isEventStream(response: Response): boolean {
  return response.status === 200 && /^text\/event-stream\b/i.test(contentTypeOf(response));
}

export function isJson(response: Response): boolean {
  return /^application\/([\w.+-]*\+)?json\b/i.test(contentTypeOf(response));
}

function contentTypeOf({ headers }: Response): string {
  return headers.get("content-type") ?? "";
}
