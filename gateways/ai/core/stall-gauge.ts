/**
 * How long a target usually takes, to say when it takes too long: the first token, and the silence
 * between two pieces. Counted in powers of two, so that a count costs next to nothing, and halved
 * now and then, so that what was long ago fades. Pure.
 */
export class StallGauge {
  readonly #first = new Powers();
  readonly #gaps = new Powers();

  firstToken(durationMs: number): void {
    this.#first.add(durationMs);
  }

  gap(durationMs: number): void {
    this.#gaps.add(durationMs);
  }

  /** Twice what ninety-nine in a hundred take, 2 to 30 s; undefined while too few were seen. */
  get firstTokenLimitMs(): number | undefined {
    const usualMs = this.#first.mostMs(firstTokensMin);
    return usualMs === undefined ? undefined : Math.min(30_000, Math.max(2_000, 2 * usualMs));
  }

  /** Ten times the silence of ninety-nine in a hundred pieces, 2 to 20 s. */
  get idleLimitMs(): number | undefined {
    const usualMs = this.#gaps.mostMs(gapsMin);
    return usualMs === undefined ? undefined : Math.min(20_000, Math.max(2_000, 10 * usualMs));
  }
}

const firstTokensMin = 50;
const gapsMin = 500;
const countMax = 8_192;

/** Durations up to 2^n milliseconds, for each n. */
class Powers {
  readonly #counts = new Uint32Array(24);
  #total = 0;

  add(durationMs: number): void {
    const power = Math.min(23, 32 - Math.clz32(Math.max(0, durationMs)));
    this.#counts[power] = (this.#counts[power] ?? 0) + 1;
    this.#total += 1;
    if (this.#total < countMax) return;
    this.#total = 0;
    for (let at = 0; at < this.#counts.length; at += 1) {
      const half = (this.#counts[at] ?? 0) >>> 1;
      this.#counts[at] = half;
      this.#total += half;
    }
  }

  /** What ninety-nine in a hundred stay below; undefined with fewer than `least`. */
  mostMs(least: number): number | undefined {
    if (this.#total < least) return undefined;
    let above = this.#total * 0.01;
    for (let power = this.#counts.length - 1; power >= 0; power -= 1) {
      above -= this.#counts[power] ?? 0;
      if (above < 0) return 2 ** power;
    }
    return 1;
  }
}
