/** Answers kept in this process, at most so many bytes of them; those not asked for go first. */
export interface StoredAnswer {
  /** The whole answer as JSON, as it was given to the first client. */
  readonly body: string;
  /** Milliseconds since 1970. */
  readonly storedAtMs: number;
  readonly upstream: string;
}

interface Entry {
  readonly answer: StoredAnswer;
  readonly expiresAtMs: number;
  readonly bytes: number;
  wasUsed: boolean;
}

/** What an entry takes besides its text: key, objects, the map's own share. */
const overheadBytes = 400;
/** How many entries one eviction looks at before it takes what comes. */
const looksMax = 32;

export class AnswerMemory {
  readonly #bytesMax: number;
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get(key: string, nowMs: number): StoredAnswer | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (nowMs >= entry.expiresAtMs) {
      this.#drop(key, entry);
      return undefined;
    }
    entry.wasUsed = true;
    return entry.answer;
  }

  set(key: string, answer: StoredAnswer, expiresAtMs: number): void {
    const existing = this.#entries.get(key);
    if (existing !== undefined) this.#drop(key, existing);
    // One byte or two a character; two is what it is at most.
    const bytes = answer.body.length * 2 + overheadBytes;
    if (bytes > this.#bytesMax / 8) return;
    while (this.#bytes + bytes > this.#bytesMax) this.#evict();
    this.#entries.set(key, { answer, expiresAtMs, bytes, wasUsed: false });
    this.#bytes += bytes;
  }

  #drop(key: string, entry: Entry): void {
    this.#entries.delete(key);
    this.#bytes -= entry.bytes;
  }

  #evict(): void {
    let looks = 0;
    for (const [key, entry] of this.#entries) {
      looks += 1;
      if (!entry.wasUsed || looks > looksMax) {
        this.#drop(key, entry);
        return;
      }
      entry.wasUsed = false;
      this.#entries.delete(key);
      this.#entries.set(key, entry);
    }
  }
}
