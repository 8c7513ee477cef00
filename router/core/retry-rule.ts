/** What is known when an attempt has failed. */
export interface FailedAttempt {
  /** Bytes of the request were given to the kernel. */
  readonly requestStarted: boolean;
  /** The replica said itself that it has done nothing of it, and that another one may. */
  readonly isDeclined: boolean;
  /** Something of the answer has been sent to the client. */
  readonly isCommitted: boolean;
  /** The whole body is still there to be sent again. */
  readonly isBodyKept: boolean;
  /** Of the route: `always` where the gateway guarantees one effect per request id. */
  readonly replay: "always" | "idempotent";
  readonly method: string;
  readonly hasIdempotencyKey: boolean;
  /** Attempts so far in which the request had been started. */
  readonly startedAttempts: number;
  readonly attemptsMax: number;
}

/**
 * `free`: nobody has seen the request, so sending it elsewhere repeats nothing and costs no budget.
 * `budgeted`: it may be repeated, within the retry budget. `no`: the client has to be told.
 */
export type RetryVerdict = "free" | "budgeted" | "no";

const idempotentMethods = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]);

/** Reliability 4.3: nothing committed, and either never sent or safe to repeat. */
export function judgeRetry(attempt: FailedAttempt): RetryVerdict {
  if (attempt.isCommitted || !attempt.isBodyKept) return "no";
  if (!attempt.requestStarted) return "free";
  if (attempt.startedAttempts >= attempt.attemptsMax) return "no";
  const isRepeatable =
    attempt.isDeclined ||
    attempt.replay === "always" ||
    attempt.hasIdempotencyKey ||
    idempotentMethods.has(attempt.method);
  return isRepeatable ? "budgeted" : "no";
}
