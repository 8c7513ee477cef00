/** A message in pieces smaller than this, or that comes so, is one that is there to fill memory. */
const pieceBytesMin = 1_024;
const readBytesMin = 256;
const piecesAlways = 1_024;

/** As `ws` wants them: each piece that waits for the rest of its message costs more than it holds. */
export function messageLimits({ messageBytes }: { readonly messageBytes: number }) {
  return {
    maxPayload: messageBytes,
    maxFragments: Math.max(piecesAlways, Math.ceil(messageBytes / pieceBytesMin)),
    maxBufferedChunks: Math.max(piecesAlways, Math.ceil(messageBytes / readBytesMin)),
  };
}

/** How many messages a second one connection may send, with a second's worth at once. */
export class MessageBudget {
  readonly #perSecond: number;
  #left: number;
  #atMs: number;

  constructor(given: { readonly perSecond: number; readonly nowMs: number }) {
    this.#perSecond = given.perSecond;
    this.#left = given.perSecond;
    this.#atMs = given.nowMs;
  }

  /** False: too many. */
  take(nowMs: number): boolean {
    const gained = ((nowMs - this.#atMs) / 1_000) * this.#perSecond;
    this.#left = Math.min(this.#perSecond, this.#left + gained);
    this.#atMs = nowMs;
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }
}
