/**
 * What became of one try at one upstream, and what follows from it. Pure; the table that decides
 * between "try elsewhere" and "tell the client".
 */

export type AttemptFailure =
  /** Nobody there: refused, reset or no connection in time, before any answer. */
  | { readonly kind: "unreachable"; readonly detail: string }
  /** This process has no descriptor or memory left to connect with. */
  | { readonly kind: "no_connection"; readonly detail: string }
  /** No place free at the upstream within the wait. */
  | { readonly kind: "busy"; readonly detail: string }
  | { readonly kind: "first_token_timeout"; readonly detail: string }
  | { readonly kind: "idle_timeout"; readonly detail: string }
  | { readonly kind: "total_timeout"; readonly detail: string }
  | {
      readonly kind: "status";
      readonly status: number;
      readonly retryAfterMs: number | undefined;
      /** The error object of the body, or undefined when it is none. */
      readonly error: unknown;
      readonly detail: string;
    }
  /** Status 200, and an error where the answer should be. */
  | { readonly kind: "error_body"; readonly error: unknown; readonly detail: string }
  /** HTML, no JSON, no events, or events that make no sense. */
  | { readonly kind: "malformed"; readonly detail: string }
  /** It was to go on with an answer, and said another one. */
  | { readonly kind: "diverged"; readonly detail: string }
  /** The answer broke off. */
  | { readonly kind: "broken"; readonly detail: string };

/** What the health of the upstream makes of it. */
export type HealthSign = "refused" | "failed" | "overloaded" | "none";

export interface Verdict {
  /** Another target may do better, as far as this failure goes. */
  readonly mayRetry: boolean;
  readonly health: HealthSign;
  /** What the client is told when no other target is left. */
  readonly tell: "refused" | "busy" | "failed" | "time_limit" | "own_lack";
}

const elsewhere: Verdict = { mayRetry: true, health: "failed", tell: "failed" };

export function judgeAttempt(failure: AttemptFailure): Verdict {
  switch (failure.kind) {
    case "unreachable":
      return { mayRetry: true, health: "refused", tell: "failed" };
    case "no_connection":
      return { mayRetry: true, health: "none", tell: "own_lack" };
    case "busy":
      return { mayRetry: true, health: "none", tell: "busy" };
    case "first_token_timeout":
    case "idle_timeout":
    case "malformed":
    case "error_body":
    case "broken":
      return elsewhere;
    case "diverged":
      return { mayRetry: true, health: "none", tell: "failed" };
    case "total_timeout":
      return { mayRetry: false, health: "none", tell: "time_limit" };
    case "status":
      return judgeStatus(failure.status, failure.error);
  }
}

/**
 * See socket(2). EADDRNOTAVAIL is none of them: it is what `::1` gives where there is no IPv6, for
 * every replica, and other targets have to be tried.
 */
const ownLacks = new Set(["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"]);

/** Of an error in connecting: it says nothing about the peer, and another process may well do it. */
export function isOwnLack(error: Error): boolean {
  const { code } = (error.cause ?? error) as { readonly code?: unknown };
  return typeof code === "string" && ownLacks.has(code);
}

function judgeStatus(status: number, error: unknown): Verdict {
  if (status === 429 || status === 503 || status === 529) {
    return { mayRetry: true, health: "overloaded", tell: "busy" };
  }
  if (status >= 500 || status === 408 || status === 409 || status === 425) return elsewhere;
  // Our key, our account, our model name: nothing the client has done, so never told as such.
  const isOurs = status === 401 || status === 402 || status === 403 || status === 404;
  if (isOurs || isBilling(error)) return { mayRetry: true, health: "failed", tell: "failed" };
  if (status >= 400) return { mayRetry: false, health: "none", tell: "refused" };
  return elsewhere;
}

const billingCodes = /arrearage|overdue|not_?purchased|insufficient_?balance|billing/i;

/** Model Studio says 400 for an account in arrears. */
function isBilling(error: unknown): boolean {
  if (typeof error !== "object" || error === null) return false;
  const { code, type } = error as { readonly code?: unknown; readonly type?: unknown };
  return billingCodes.test(`${String(code)} ${String(type)}`);
}

/** The words of an upstream's error that a client may read, at most 1,000 characters of them. */
export function messageOfError(error: unknown): string {
  if (typeof error === "string") return error.slice(0, 1_000);
  if (typeof error !== "object" || error === null) return "";
  const { message } = error as { readonly message?: unknown };
  return typeof message === "string" ? message.slice(0, 1_000) : "";
}

/** The error's own code, where it is one that clients know. */
export function codeOfError(error: unknown): string {
  if (typeof error !== "object" || error === null) return "";
  const { code } = error as { readonly code?: unknown };
  return typeof code === "string" && /^[a-z_.]{1,64}$/i.test(code) ? code : "";
}

/** `Retry-After` in seconds or as a date, as milliseconds from now; undefined for neither. */
export function readRetryAfter(value: string | undefined, nowMs: number): number | undefined {
  if (value === undefined) return undefined;
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1_000;
  const at = Date.parse(value);
  return Number.isNaN(at) ? undefined : Math.max(0, at - nowMs);
}
