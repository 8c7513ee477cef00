const headBytes = 5;
/** Of gRPC-web's trailers and Connect's end of a stream: no event. */
const endFlags = 0x82;

/**
 * Counts the length-prefixed messages that begin in what is read, wherever it is cut: a byte of
 * flags, four of length, and the message (gRPC, gRPC-web, Connect).
 */
export function messageCounter(): (bytes: Buffer) => number {
  let bytesLeft = 0;
  let head: Buffer = Buffer.alloc(0);
  return (bytes) => {
    let count = 0;
    let at = 0;
    while (at < bytes.length) {
      if (bytesLeft > 0) {
        const part = Math.min(bytesLeft, bytes.length - at);
        bytesLeft -= part;
        at += part;
        continue;
      }
      const part = bytes.subarray(at, at + headBytes - head.length);
      at += part.length;
      head = Buffer.concat([head, part]);
      if (head.length < headBytes) break;
      if ((head.readUInt8(0) & endFlags) === 0) count += 1;
      bytesLeft = head.readUInt32BE(1);
      head = Buffer.alloc(0);
    }
    return count;
  };
}
