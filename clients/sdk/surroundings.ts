/** Time, chance and the network, so that tests need not wait for them. */
export interface Surroundings {
  /** Never goes back. */
  nowMs(): number;
  /** Of the wall clock, for what servers say in dates. */
  wallMs(): number;
  /** From 0 below 1. */
  random(): number;
  newKey(): string;
  after(delayMs: number, run: () => void): () => void;
  readonly fetch: typeof fetch;
}

export function realSurroundings(ownFetch: typeof fetch | undefined): Surroundings {
  return {
    nowMs: () => performance.now(),
    wallMs: () => performance.timeOrigin + performance.now(),
    random: () => (crypto.getRandomValues(new Uint32Array(1))[0] ?? 0) / 2 ** 32,
    // Not randomUUID, which browsers have on secure origins only.
    newKey: () => `sdk-${hexOf(crypto.getRandomValues(new Uint8Array(16)))}`,
    after(delayMs, run) {
      const timer = setTimeout(run, delayMs);
      return () => clearTimeout(timer);
    },
    // Looked up with each call: tests and instrumentation put another one into its place.
    fetch: ownFetch ?? ((input, init) => globalThis.fetch(input, init)),
  };
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
