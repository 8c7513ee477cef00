import { addNanos, tokensToNanos } from "@tandem/libs/kernel";
import type { TokenUsage } from "./token-usage.ts";

/** Nanos for a million tokens. */
export interface TokenPrice {
  readonly inputNanos: bigint;
  readonly cachedInputNanos: bigint;
  readonly outputNanos: bigint;
}

/** A model's price while it is valid: what customers pay, and what the upstream takes. */
export interface ModelPrice {
  readonly id: string;
  readonly currency: string;
  readonly charged: TokenPrice;
  readonly upstream: TokenPrice;
  /** Nothing to reserve, nothing to settle with a wallet. */
  readonly isFree: boolean;
  readonly isUpstreamFree: boolean;
}

export function isFreePrice({ inputNanos, cachedInputNanos, outputNanos }: TokenPrice): boolean {
  return inputNanos === 0n && cachedInputNanos === 0n && outputNanos === 0n;
}

/** What a usage costs: rounded once, up to a whole nano. */
export function chargeFor(usage: TokenUsage, price: TokenPrice): bigint {
  const { inputTokens, cachedInputTokens, outputTokens } = usage;
  return addNanos([
    tokensToNanos(inputTokens - cachedInputTokens, price.inputNanos),
    tokensToNanos(cachedInputTokens, price.cachedInputNanos),
    tokensToNanos(outputTokens, price.outputNanos),
  ]);
}

/** The most that so many tokens can cost, whatever part of the input is found in a cache. */
export function mostFor(
  tokens: { readonly input: number; readonly output: number },
  price: TokenPrice,
): bigint {
  return addNanos([
    tokensToNanos(tokens.input, dearestInput(price)),
    tokensToNanos(tokens.output, price.outputNanos),
  ]);
}

function dearestInput({ inputNanos, cachedInputNanos }: TokenPrice): bigint {
  return inputNanos > cachedInputNanos ? inputNanos : cachedInputNanos;
}

/** How many output tokens are covered once the prompt is paid; 0 when not even that is. */
export function outputTokensFor(nanos: bigint, promptTokens: number, price: TokenPrice): number {
  const rest = nanos * 1_000_000n - tokensToNanos(promptTokens, dearestInput(price));
  if (rest <= 0n) return 0;
  return price.outputNanos === 0n ? Number.MAX_SAFE_INTEGER : Number(rest / price.outputNanos);
}
