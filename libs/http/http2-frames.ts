/** The few frames that are written by hand (RFC 9113): where no session exists, or none any more. */

const frameHeadBytes = 9;
const settingsType = 4;
const goAwayType = 7;

/** RFC 9113, section 7. */
export const http2ErrorCodes = { enhanceYourCalm: 11 } as const;

/** "PRI * HTTP/2.0": the first word of an HTTP/2 client (RFC 9113, 3.4), and no other method. */
const prefaceStart = "PRI ";

/** Undefined while there are too few bytes to tell. */
export function isHttp2(firstBytes: Buffer): boolean | undefined {
  const start = firstBytes.toString("latin1", 0, prefaceStart.length);
  if (start === prefaceStart) return true;
  return prefaceStart.startsWith(start) ? undefined : false;
}

/** All that a server says to a client it does not serve: its preface, and why it goes. */
export function farewell(errorCode: number, reason: string): Buffer {
  const debug = Buffer.from(reason, "latin1");
  const goAway = Buffer.alloc(8);
  goAway.writeUInt32BE(errorCode, 4);
  return Buffer.concat([
    frameHead(settingsType, 0),
    frameHead(goAwayType, goAway.length + debug.length),
    goAway,
    debug,
  ]);
}

function frameHead(type: number, length: number): Buffer {
  const head = Buffer.alloc(frameHeadBytes);
  head.writeUIntBE(length, 0, 3);
  head.writeUInt8(type, 3);
  return head;
}
