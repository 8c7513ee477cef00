/**
 * Picks one file's bytes out of a tar stream that comes in chunks (POSIX ustar, IEEE 1003.1). npm's
 * packages need no more of the format. Pure; state is the place in the stream.
 */
const blockBytes = 512;

export class TarMember {
  readonly #name: string;
  #head = Buffer.alloc(0);
  #left = 0;
  #padding = 0;
  #current: "wanted" | "other" = "other";
  #search: "open" | "found" = "open";

  constructor(name: string) {
    this.#name = name;
  }

  /** The member has been met. */
  get isFound(): boolean {
    return this.#search === "found";
  }

  /** The parts of this chunk that belong to the wanted file. */
  push(chunk: Buffer): readonly Buffer[] {
    const wanted: Buffer[] = [];
    let rest = chunk;
    while (rest.length > 0) {
      if (this.#left > 0) {
        const part = rest.subarray(0, this.#left);
        if (this.#current === "wanted") wanted.push(part);
        this.#left -= part.length;
        rest = rest.subarray(part.length);
      } else if (this.#padding > 0) {
        const skipped = Math.min(this.#padding, rest.length);
        this.#padding -= skipped;
        rest = rest.subarray(skipped);
      } else {
        rest = this.#takeHead(rest);
      }
    }
    return wanted;
  }

  #takeHead(rest: Buffer): Buffer {
    const needed = blockBytes - this.#head.length;
    this.#head = Buffer.concat([this.#head, rest.subarray(0, needed)]);
    if (this.#head.length === blockBytes) {
      this.#readHead(this.#head);
      this.#head = Buffer.alloc(0);
    }
    return rest.subarray(needed);
  }

  #readHead(head: Buffer): void {
    const name = textAt(head, 0, 100);
    const prefix = textAt(head, 345, 155);
    const sizeBytes = Number.parseInt(textAt(head, 124, 12).trim() || "0", 8);
    const isFile = head[156] === 0 || head[156] === 0x30;
    this.#left = Number.isNaN(sizeBytes) ? 0 : sizeBytes;
    this.#padding = (blockBytes - (this.#left % blockBytes)) % blockBytes;
    const isWanted = isFile && (prefix === "" ? name : `${prefix}/${name}`) === this.#name;
    this.#current = isWanted ? "wanted" : "other";
    if (isWanted) this.#search = "found";
  }
}

function textAt(head: Buffer, offset: number, length: number): string {
  const end = head.indexOf(0, offset);
  const last = end < 0 || end > offset + length ? offset + length : end;
  return head.toString("utf8", offset, last);
}
