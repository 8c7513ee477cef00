/**
 * What RFC 9113 wants of a server whose client breaks its rules: the cases of h2spec that matter
 * most, so that nothing between the socket and Node's session takes them away.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  frame,
  frameFlags,
  frameTypes,
  headers,
  hpackField,
  RawSession,
  requestFields,
  settings,
  uint32,
} from "./testing/raw-http2.ts";
import { eventually, heldDoor, start } from "./testing/test-router.ts";

const code = { protocol: 1, flowControl: 3, frameSize: 6, compression: 9 };
const get = requestFields("/v1/models");
const post = requestFields("/v1/models", "POST");
const isOpen = { flags: frameFlags.endHeaders };
const data = (stream: number, bytes: number): Buffer =>
  frame(frameTypes.data, { stream, flags: frameFlags.endStream, payload: Buffer.alloc(bytes) });

/** They end the connection. */
const ofConnections: readonly (readonly [what: string, bytes: Buffer, code: number])[] = [
  ["DATA of stream 0", data(0, 4), code.protocol],
  ["DATA of a stream that nobody opened", data(1, 4), code.protocol],
  ["HEADERS of stream 0", headers(0, get), code.protocol],
  ["a stream with an even number", headers(2, get), code.protocol],
  ["CONTINUATION of nothing", frame(frameTypes.continuation, { stream: 1 }), code.protocol],
  [
    "RST_STREAM of a stream that nobody opened",
    frame(frameTypes.rstStream, { stream: 1, payload: uint32(8) }),
    code.protocol,
  ],
  ["SETTINGS of a stream", frame(frameTypes.settings, { stream: 1 }), code.protocol],
  [
    "SETTINGS of no whole number of pairs",
    frame(frameTypes.settings, { payload: Buffer.alloc(3) }),
    code.frameSize,
  ],
  ["a window beyond 2^31-1", settings([4, 2 ** 31]), code.flowControl],
  ["a frame size below 16,384", settings([5, 16_383]), code.protocol],
  ["PING of seven bytes", frame(frameTypes.ping, { payload: Buffer.alloc(7) }), code.frameSize],
  [
    "a window that grows by nothing",
    frame(frameTypes.windowUpdate, { payload: uint32(0) }),
    code.protocol,
  ],
  [
    "a window that grows beyond 2^31-1",
    frame(frameTypes.windowUpdate, { payload: uint32(2 ** 31 - 1) }),
    code.flowControl,
  ],
  ["an entry that no table has", headers(1, Buffer.from([0xff, 0xff, 0x10])), code.compression],
  [
    "a frame that is longer than agreed",
    Buffer.concat([headers(1, post, isOpen), data(1, 16_385)]),
    code.frameSize,
  ],
];

/** They end the stream, and the connection goes on. */
const ofStreams: readonly (readonly [what: string, bytes: Buffer])[] = [
  ["a field in upper case", headers(1, Buffer.concat([get, hpackField("X-A", "b")]))],
  ["a field of one connection", headers(1, Buffer.concat([get, hpackField("connection", "x")]))],
  ["a pseudo-field that is none", headers(1, Buffer.concat([get, hpackField(":a", "b")]))],
  ["no pseudo-fields", headers(1, hpackField("a", "b"))],
  ["te that is not trailers", headers(1, Buffer.concat([get, hpackField("te", "gzip")]))],
  [
    "less of a body than was said",
    Buffer.concat([
      headers(1, Buffer.concat([post, hpackField("content-length", "9")]), isOpen),
      data(1, 4),
    ]),
  ],
];

test("each broken rule ends the connection with the code that RFC 9113 has for it", async (context) => {
  const { descriptor, port } = heldDoor(context);
  await start(context, { inheritedDescriptor: descriptor });
  for (const [what, bytes, expected] of ofConnections) {
    const session = RawSession.open(port);
    await session.writeAndWait(Buffer.alloc(0));
    session.write(bytes);
    await eventually(`${what}: it ends`, () => session.isClosed);
    assert.equal(session.goAwayCode, expected, what);
  }
});

test("each malformed request is reset, and the same connection serves the next one", async (context) => {
  const { descriptor, port } = heldDoor(context);
  await start(context, { inheritedDescriptor: descriptor });
  for (const [what, bytes] of ofStreams) {
    const session = RawSession.open(port);
    context.after(() => session.socket.destroy());
    await session.writeAndWait(bytes);
    await eventually(`${what}: it is reset`, () => session.resets.length === 1);
    assert.deepEqual(session.resets, [code.protocol], what);
    session.write(headers(3, get));
    await eventually(`${what}: the next is served`, () => session.count(frameTypes.headers) === 1);
    assert.equal(session.isClosed, false);
  }
});
