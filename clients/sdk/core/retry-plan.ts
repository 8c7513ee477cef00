import type { RetryBudget } from "./retry-budget.ts";

export interface RetryRules {
  /** Attempts in a row that bring nothing, the first one included. */
  readonly attemptsMax: number;
  /** How long nothing may come altogether. */
  readonly patienceMs: number;
  /** The longest first pause; the longest one doubles with each attempt. */
  readonly firstDelayMs: number;
  readonly delayMsMax: number;
}

/**
 * When one request is tried again: after a random part of a pause that doubles, or when the server
 * says. What brings something new begins it afresh, so that a long stream may break as often as it
 * likes. Pure.
 */
export class RetryPlan {
  readonly #rules: RetryRules;
  readonly #budget: RetryBudget;
  #attempts = 0;
  #sinceMs: number;

  constructor(rules: RetryRules, budget: RetryBudget, nowMs: number) {
    this.#rules = rules;
    this.#budget = budget;
    this.#sinceMs = nowMs;
    budget.deposit(nowMs);
  }

  /** Attempts in a row that brought nothing. */
  get attempts(): number {
    return this.#attempts;
  }

  /** Something new came: the next failure is the first one. */
  progressed(nowMs: number): void {
    this.#attempts = 0;
    this.#sinceMs = nowMs;
  }

  /** An attempt brought nothing. How long to wait for the next one; undefined: give up. */
  failed(given: {
    readonly nowMs: number;
    /** From 0 below 1. */
    readonly random: number;
    readonly retryAfterMs?: number | undefined;
  }): number | undefined {
    const { nowMs, random, retryAfterMs } = given;
    const { attemptsMax, patienceMs, firstDelayMs, delayMsMax } = this.#rules;
    this.#attempts += 1;
    if (this.#attempts >= attemptsMax) return undefined;
    const ceilingMs = Math.min(delayMsMax, firstDelayMs * 2 ** (this.#attempts - 1));
    // At least what the server asks for, and not all at the same moment.
    const delayMs = (retryAfterMs ?? 0) + random * ceilingMs;
    if (nowMs - this.#sinceMs + delayMs > patienceMs) return undefined;
    return this.#budget.withdraw(nowMs) ? delayMs : undefined;
  }
}

const retryable = new Set([408, 425, 429, 500, 502, 503, 504, 529]);

/** Whether another attempt may have another answer. The server's own word goes before its status. */
export function isWorthRetrying(status: number, should: string | null): boolean {
  if (should === "true") return true;
  return should !== "false" && retryable.has(status);
}

/** What `retry-after-ms` and `retry-after` (RFC 9110, 10.2.3) ask for. */
export function retryAfterMs(
  field: (name: string) => string | null,
  nowMs: number,
): number | undefined {
  const exact = Number.parseFloat(field("retry-after-ms") ?? "");
  if (exact >= 0) return exact;
  const value = field("retry-after");
  if (value === null) return undefined;
  if (/^\s*\d+(\.\d+)?\s*$/.test(value)) return Number(value) * 1_000;
  const atMs = Date.parse(value);
  return Number.isNaN(atMs) ? undefined : Math.max(0, atMs - nowMs);
}
