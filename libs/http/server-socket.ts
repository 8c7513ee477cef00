import { Socket, type SocketConstructorOpts } from "node:net";

/**
 * Reads are synchronous, so all server sockets of a process read into this one buffer, and what
 * came is copied out at its true size. A socket of its own accord takes 64 KiB for each read
 * instead, which made a tenth of a hop's processor time (garbage collection, mostly).
 */
const readBuffer = Buffer.allocUnsafeSlow(65_536);

/** The part of a socket that `node:net` keeps to itself. */
interface Inner {
  _handle: { useUserBuffer?: unknown } | null;
}

/**
 * An accepted connection that reads as above. `node:net` offers this for connections one makes
 * (`onread`), not for those one accepts; so the handle is taken over from the socket that was made
 * for it. Bytes go to `receive`; as long as nobody sets that, they flow as in any other socket.
 */
export class ServerSocket extends Socket {
  /** Takes bytes of its own memory. */
  receive: ((chunk: Buffer) => void) | undefined;

  private constructor(handle: unknown) {
    const callback = (length: number): boolean => this.#received(length);
    const options = { handle, allowHalfOpen: true, onread: { buffer: readBuffer, callback } };
    super(options as SocketConstructorOpts);
  }

  /**
   * The connection of `accepted`, which must have been accepted paused and is of no use afterwards.
   * Where the runtime's inside looks different, it is `accepted` itself, in the ordinary way.
   */
  static takeOver(accepted: Socket): Socket {
    const inner = accepted as unknown as Inner;
    const handle = inner._handle;
    if (typeof handle?.useUserBuffer !== "function") {
      accepted.resume();
      return accepted;
    }
    inner._handle = null;
    accepted.destroy();
    return new ServerSocket(handle);
  }

  #received(length: number): boolean {
    const chunk = Buffer.allocUnsafe(length);
    readBuffer.copy(chunk, 0, 0, length);
    if (this.receive === undefined) return this.push(chunk);
    this.receive(chunk);
    return true;
  }
}
