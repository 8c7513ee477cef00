/**
 * Messages in a stream of bytes, as gRPC, gRPC-web and Connect frame them: a byte of flags, four of
 * length, the message (https://grpc.io/blog/state-of-grpc-web/, "PROTOCOL-HTTP2.md").
 */
import { rpcFaults } from "../faults.ts";

export const envelopeFlags = {
  message: 0,
  compressed: 1,
  /** Connect: the end of a stream, with its error if there is one. */
  streamEnd: 2,
  /** gRPC-web: the trailers. */
  trailers: 0x80,
} as const;

const headBytes = 5;

export function encodeEnvelope(flags: number, message: Uint8Array): Buffer {
  const envelope = Buffer.allocUnsafe(headBytes + message.length);
  envelope[0] = flags;
  envelope.writeUInt32BE(message.length, 1);
  envelope.set(message, headBytes);
  return envelope;
}

export interface Envelope {
  readonly flags: number;
  readonly message: Buffer;
  /** Head and message together, as they came. */
  readonly bytes: Buffer;
}

/** Cuts a stream of bytes into envelopes. Holds at most one that is not complete. */
export class EnvelopeReader {
  readonly #limitBytes: number;
  #held: Buffer[] = [];
  #heldBytes = 0;
  #wanted = headBytes;

  /** Throws `rpc.malformed_message` for a message longer than `limitBytes`, before it came. */
  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** Bytes of an envelope that has not ended. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Adds what came, and gives the envelopes that are complete now. */
  add(chunk: Buffer): readonly Envelope[] {
    this.#held.push(chunk);
    this.#heldBytes += chunk.length;
    if (this.#heldBytes < this.#wanted) return [];
    let bytes = this.#held.length === 1 ? chunk : Buffer.concat(this.#held);
    const envelopes: Envelope[] = [];
    this.#wanted = headBytes;
    while (bytes.length >= headBytes) {
      const length = bytes.readUInt32BE(1);
      if (length > this.#limitBytes) {
        throw rpcFaults.malformed_message({
          publicMessage: `A message of ${length} bytes is too large. Send less at once.`,
        });
      }
      this.#wanted = headBytes + length;
      if (bytes.length < this.#wanted) break;
      const whole = bytes.subarray(0, this.#wanted);
      envelopes.push({ flags: whole[0] ?? 0, message: whole.subarray(headBytes), bytes: whole });
      bytes = bytes.subarray(this.#wanted);
      this.#wanted = headBytes;
    }
    this.#held = bytes.length === 0 ? [] : [bytes];
    this.#heldBytes = bytes.length;
    return envelopes;
  }
}
