/** What a request used. */
export interface Tokens {
  readonly inputTokens: number;
  /** Part of input. */
  readonly cachedInputTokens: number;
  readonly outputTokens: number;
  /** Part of output. */
  readonly reasoningTokens: number;
}
