/**
 * Which target has read the beginning of this prompt before, so that its prefix cache can be used
 *. A prompt is a chain of hashes over pieces of 512 bytes, each covering all
 * before it; a target's memory is the last 10,000 of them.
 */

const pieceBytes = 512;
const piecesMax = 64;
const memoryMax = 10_000;

/** Hashes of the prompt's beginnings, each one piece longer. `salt` keeps tenants apart. */
export function prefixChain(text: Buffer, salt: string): readonly number[] {
  let hash = 0x811c9dc5;
  for (let at = 0; at < salt.length; at += 1) hash = mix(hash, salt.charCodeAt(at));
  const chain: number[] = [];
  const pieces = Math.min(piecesMax, Math.floor(text.length / pieceBytes));
  for (let piece = 0; piece < pieces; piece += 1) {
    const start = piece * pieceBytes;
    for (let at = start; at < start + pieceBytes; at += 1) hash = mix(hash, text[at] ?? 0);
    chain.push(hash);
  }
  return chain;
}

function mix(hash: number, byte: number): number {
  return Math.imul(hash ^ byte, 0x01000193);
}

/** What one target has read lately. */
export class PrefixMemory {
  readonly #seen = new Map<number, true>();

  /** The part of the chain that was read here before, 0 to 1. */
  match(chain: readonly number[]): number {
    let length = 0;
    for (const hash of chain) {
      if (!this.#seen.has(hash)) break;
      length += 1;
    }
    return chain.length === 0 ? 0 : length / chain.length;
  }

  remember(chain: readonly number[]): void {
    for (const hash of chain) {
      this.#seen.delete(hash);
      this.#seen.set(hash, true);
    }
    for (const oldest of this.#seen.keys()) {
      if (this.#seen.size <= memoryMax) break;
      this.#seen.delete(oldest);
    }
  }
}
