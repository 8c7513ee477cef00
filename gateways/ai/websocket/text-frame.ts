const finalText = 0x81;
/** Lengths up to here stand in the second byte; these two there say how many bytes follow. */
const shortBytesMax = 125;
const twoBytesFollow = 126;
const eightBytesFollow = 127;

/**
 * A whole text message as a server sends it (RFC 6455, 5.2): one frame, not masked. `ws` writes
 * head and text one after the other, and measures and converts the text twice for it.
 */
export function textFrame(text: string): Buffer {
  const length = Buffer.byteLength(text);
  const headBytes = length <= shortBytesMax ? 2 : length <= 0xffff ? 4 : 10;
  const frame = Buffer.allocUnsafe(headBytes + length);
  frame[0] = finalText;
  if (headBytes === 2) frame[1] = length;
  else if (headBytes === 4) {
    frame[1] = twoBytesFollow;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = eightBytesFollow;
    frame.writeUInt32BE(0, 2);
    frame.writeUInt32BE(length, 6);
  }
  frame.write(text, headBytes);
  return frame;
}
