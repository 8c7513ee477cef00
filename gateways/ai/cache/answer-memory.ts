/** Answers kept in this process, at most so many bytes of them; those not asked for go first. */
export interface StoredAnswer {
  /** The whole answer as JSON, as it was given to the first client. */
  readonly body: Buffer;
  /** Milliseconds since 1970. */
  readonly storedAtMs: number;
  readonly upstream: string;
}

/**
 * Of an entry: u32 length of all of it, u32 hash of its key, f64 when it expires, f64 when it was
 * stored, u16 length of the key, u16 length of the upstream's name; key, name and body follow.
 */
const headBytes = 28;
const at = { length: 0, hash: 4, expires: 8, stored: 16, key: 24, upstream: 26 } as const;

/**
 * A ring of bytes outside of V8's heap: an answer that lives for an hour among calls that live for
 * milliseconds would be copied and marked by one garbage collection after another, which took a
 * quarter of a call's processor time. The oldest go when there is no room; one that is asked for
 * when half of the others are younger moves to the front. The operating system gives the memory
 * when it is first written to.
 */
export class AnswerMemory {
  readonly #ring: Buffer;
  /** From a key's hash to where its entry begins. Two keys of one hash: the later one stays. */
  readonly #places = new Map<number, number>();
  /** Where the next entry is written, and where the oldest begins. */
  #front = 0;
  #oldest = 0;
  /** Where the entries of the former lap end. */
  #lapEnd = Number.POSITIVE_INFINITY;
  #entries = 0;
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#ring = Buffer.allocUnsafeSlow(bytesMax);
  }

  get bytes(): number {
    return this.#bytes;
  }

  get(key: string, nowMs: number): StoredAnswer | undefined {
    const place = this.#places.get(hashOf(key));
    if (place === undefined) return undefined;
    const ring = this.#ring;
    const keyEnd = place + headBytes + ring.readUInt16LE(place + at.key);
    if (ring.toString("latin1", place + headBytes, keyEnd) !== key) return undefined;
    const expiresAtMs = ring.readDoubleLE(place + at.expires);
    if (nowMs >= expiresAtMs) return undefined;
    const bodyStart = keyEnd + ring.readUInt16LE(place + at.upstream);
    const end = place + ring.readUInt32LE(place + at.length);
    const answer = {
      // A copy: the ring may be written over before the client has it.
      body: Buffer.from(ring.subarray(bodyStart, end)),
      storedAtMs: ring.readDoubleLE(place + at.stored),
      upstream: ring.toString("utf8", keyEnd, bodyStart),
    };
    if (this.#isOld(place)) this.set(key, answer, expiresAtMs);
    return answer;
  }

  set(key: string, { body, storedAtMs, upstream }: StoredAnswer, expiresAtMs: number): void {
    const upstreamBytes = Buffer.byteLength(upstream);
    const bytes = headBytes + key.length + upstreamBytes + body.length;
    if (bytes > this.#ring.length / 8) return;
    const ring = this.#ring;
    const place = this.#makeRoom(bytes);
    const hash = hashOf(key);
    ring.writeUInt32LE(bytes, place + at.length);
    ring.writeUInt32LE(hash, place + at.hash);
    ring.writeDoubleLE(expiresAtMs, place + at.expires);
    ring.writeDoubleLE(storedAtMs, place + at.stored);
    ring.writeUInt16LE(key.length, place + at.key);
    ring.writeUInt16LE(upstreamBytes, place + at.upstream);
    const keyEnd = place + headBytes + ring.write(key, place + headBytes, "latin1");
    ring.set(body, keyEnd + ring.write(upstream, keyEnd));
    this.#places.set(hash, place);
    this.#front = place + bytes;
    this.#entries += 1;
    this.#bytes += bytes;
  }

  /** More than half of the ring was written since. */
  #isOld(place: number): boolean {
    const { length } = this.#ring;
    return (this.#front - place + length) % length > length / 2;
  }

  /** Drops the oldest entries until so many bytes are free at one place, and answers where. */
  #makeRoom(bytes: number): number {
    if (this.#front + bytes > this.#ring.length) {
      while (this.#entries > 0 && this.#oldest >= this.#front) this.#dropOldest();
      this.#lapEnd = this.#front;
      this.#front = 0;
    }
    const end = this.#front + bytes;
    while (this.#entries > 0 && this.#oldest >= this.#front && this.#oldest < end) {
      this.#dropOldest();
    }
    if (this.#entries === 0) this.#oldest = this.#front;
    return this.#front;
  }

  #dropOldest(): void {
    const place = this.#oldest;
    const bytes = this.#ring.readUInt32LE(place + at.length);
    const hash = this.#ring.readUInt32LE(place + at.hash);
    if (this.#places.get(hash) === place) this.#places.delete(hash);
    this.#entries -= 1;
    this.#bytes -= bytes;
    this.#oldest = place + bytes === this.#lapEnd ? 0 : place + bytes;
  }
}

/** FNV-1a over the key's characters, in 31 bits: what V8 keeps in a map without an object. */
function hashOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < key.length; index += 1) {
    hash = Math.imul(hash ^ key.charCodeAt(index), 0x01000193);
  }
  return hash >>> 1;
}
