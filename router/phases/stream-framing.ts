/** Where the whole units of a stream end, and how it says that it was ended. */
export interface StreamFraming {
  /** How many of these bytes are whole units; they begin with one. */
  wholeBytes(bytes: Buffer): number;
  /** Told by a gateway that ended it on purpose, so that nobody has to go on with it. */
  isEnded(whole: Buffer): boolean;
  /** Its last unit is its proper end, whatever becomes of the connection afterwards. */
  readonly endsItself: boolean;
}

const boundary = Buffer.from("\n\n");
/** How a gateway marks a stream that it ended on purpose, without its end. */
const endedMark = Buffer.from(": ended\n\n");

/** Server-sent events: each ends with a blank line. */
export const eventFraming: StreamFraming = {
  wholeBytes: (bytes) => {
    const { length } = bytes;
    if (bytes[length - 1] === 0x0a && bytes[length - 2] === 0x0a) return length;
    const at = bytes.lastIndexOf(boundary);
    return at === -1 ? 0 : at + boundary.length;
  },
  isEnded: (whole) =>
    whole.length >= endedMark.length &&
    whole.subarray(whole.length - endedMark.length).equals(endedMark),
  endsItself: false,
};

const headBytes = 5;
/** gRPC-web's trailers, and the last message of a Connect stream. */
const endFlags = 0x80 | 0x02;

/** gRPC-web and Connect streams: five bytes of head, of which four are the length. */
export const messageFraming: StreamFraming = {
  wholeBytes: (bytes) => walk(bytes).end,
  isEnded: (whole) => (walk(whole).flags & endFlags) !== 0,
  endsItself: true,
};

function walk(bytes: Buffer): { readonly end: number; readonly flags: number } {
  let end = 0;
  let flags = 0;
  while (end + headBytes <= bytes.length) {
    const next = end + headBytes + bytes.readUInt32BE(end + 1);
    if (next > bytes.length) break;
    flags = bytes[end] ?? 0;
    end = next;
  }
  return { end, flags };
}

export function framingOf(contentType: string): StreamFraming {
  return /^application\/(grpc|connect)/.test(contentType) ? messageFraming : eventFraming;
}
