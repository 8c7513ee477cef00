import { assert } from "../kernel/index.ts";
import { BodyPile } from "./body-pile.ts";
import { httpFaults } from "./faults.ts";

/** Bytes of a body that are held while no handler has asked for them. */
const heldBytesMax = 65_536;

/** Shared by all that hold nothing, which most do at most times. Never written to. */
const none: Buffer[] = [];

const empty = Buffer.alloc(0);

/** Where a body comes from. */
export interface BodySource {
  /** `acceptsMore` may have changed. */
  bodyFlowChanged(): void;
}

export interface BodyHandlers {
  onChunk(chunk: Buffer): void;
  onEnd(): void;
}

/**
 * A request's body between the socket and the handler: held until the handler asks, then given on
 * as it comes. States: holding → streaming ⇄ paused → complete; closed from each of them.
 */
export class BodyInlet {
  readonly #source: BodySource;
  #held: Buffer[] = none;
  #heldBytes = 0;
  #handlers: BodyHandlers | undefined;
  #isPaused = false;
  #isComplete = false;
  #isClosed = false;
  #onAbort: (() => void) | undefined;

  constructor(source: BodySource) {
    this.#source = source;
  }

  /** False while nobody can take more. A closed inlet takes everything, and drops it. */
  get acceptsMore(): boolean {
    if (this.#isClosed) return true;
    return !this.#isPaused && (this.#handlers !== undefined || this.#heldBytes < heldBytesMax);
  }

  get isComplete(): boolean {
    return this.#isComplete;
  }

  arrived(chunk: Buffer): void {
    if (this.#isClosed) return;
    if (this.#handlers === undefined || this.#isPaused) {
      if (this.#held === none) this.#held = [chunk];
      else this.#held.push(chunk);
      this.#heldBytes += chunk.length;
    } else {
      this.#handlers.onChunk(chunk);
    }
  }

  ended(): void {
    this.#isComplete = true;
    const isFlowing = !this.#isPaused && !this.#isClosed && this.#held.length === 0;
    if (isFlowing) this.#handlers?.onEnd();
  }

  /** The peer has gone. */
  aborted(): void {
    this.#onAbort?.();
    this.close();
  }

  /** The answer is out: nobody asks any more. */
  close(): void {
    this.#isClosed = true;
    this.#held = none;
    this.#heldBytes = 0;
    this.#onAbort = undefined;
  }

  read(limitBytes: number): Promise<Buffer> {
    if (this.#isClosed) return Promise.reject(httpFaults.client_left());
    const [first] = this.#held;
    if (this.#isComplete && this.#held.length === 1 && first !== undefined) {
      this.#held = none;
      this.#heldBytes = 0;
      if (first.length <= limitBytes) return Promise.resolve(first);
      return Promise.reject(httpFaults.body_too_large());
    }
    return this.#collect(limitBytes);
  }

  #collect(limitBytes: number): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const pile = new BodyPile();
      let bytes = 0;
      this.#onAbort = () => reject(httpFaults.client_left());
      this.stream({
        onChunk: (chunk) => {
          bytes += chunk.length;
          if (bytes <= limitBytes) {
            pile.add(chunk);
            return;
          }
          pile.clear();
          reject(httpFaults.body_too_large());
        },
        onEnd: () => resolve(pile.whole() ?? empty),
      });
    });
  }

  stream(handlers: BodyHandlers): void {
    assert(this.#handlers === undefined, "the body of an exchange can be taken only once");
    this.#handlers = handlers;
    this.#deliver();
  }

  pause(): void {
    this.#isPaused = true;
    this.#source.bodyFlowChanged();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#deliver();
  }

  #deliver(): void {
    const handlers = this.#handlers;
    while (handlers !== undefined && !this.#isPaused && !this.#isClosed) {
      const chunk = this.#held === none ? undefined : this.#held.shift();
      if (chunk === undefined) {
        this.#held = none;
        if (this.#isComplete) handlers.onEnd();
        break;
      }
      this.#heldBytes -= chunk.length;
      handlers.onChunk(chunk);
    }
    this.#source.bodyFlowChanged();
  }
}
