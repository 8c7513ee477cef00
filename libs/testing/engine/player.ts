import type { ServerResponse } from "node:http";
import type { CallRecord } from "./call-log.ts";
import type { ResponseScript } from "./engine-fault.ts";
import { breakSocket, meterOf } from "./wire-meter.ts";

export interface PlayOptions {
  /** Where the progress is written down; nowhere when absent. */
  readonly call?: CallRecord;
  /** A keep-alive this often until the first piece. */
  readonly keepAliveMs?: number;
  /** Keep-alives are comments in a stream, blank lines otherwise. */
  readonly isStream?: boolean;
}

/**
 * Plays a scripted response on a connection, each piece at its time. The time of a piece is counted
 * from the start, so that slow timers do not add up; pieces that are due together go out together.
 */
export function playScript(
  response: ServerResponse,
  script: ResponseScript,
  { call, keepAliveMs, isStream = false }: PlayOptions = {},
): void {
  const { socket } = response;
  if (!socket) return;
  const meter = meterOf(socket);
  meter.begin(script.cut);
  const startMs = performance.now();
  let next = 0;
  let dueMs = startMs;
  let timer: NodeJS.Timeout | undefined;
  let keepAlive: NodeJS.Timeout | undefined;

  const openResponse = (): void => {
    if (response.headersSent) return;
    const length = script.pieces.reduce((sum, piece) => sum + piece.bytes.length, 0);
    const framed = script.framing === "length" && keepAliveMs === undefined;
    response.writeHead(script.status, {
      ...script.headers,
      ...(framed && { "content-length": String(length) }),
    });
  };
  const advance = (): void => {
    while (!meter.isCut) {
      const piece = script.pieces[next];
      if (!piece) {
        finish();
        return;
      }
      const pieceMs = dueMs + piece.afterMs;
      const waitMs = pieceMs - performance.now();
      if (waitMs > 0) {
        timer = setTimeout(advance, waitMs);
        return;
      }
      clearInterval(keepAlive);
      dueMs = pieceMs;
      next += 1;
      openResponse();
      response.write(piece.bytes);
      call?.sent(meter.bytes);
    }
  };
  const finish = (): void => {
    if (script.ending === "hang") return;
    if (script.ending === "reset") {
      breakSocket(socket, "reset");
    } else {
      openResponse();
      response.end();
    }
  };
  response.once("close", () => {
    clearTimeout(timer);
    clearInterval(keepAlive);
    const byOurselves = meter.isCut || script.ending === "reset";
    const state = byOurselves ? "broken" : response.writableFinished ? "completed" : "canceled";
    call?.ended(state, meter.bytes);
  });
  if (keepAliveMs !== undefined) {
    keepAlive = setInterval(() => {
      openResponse();
      response.write(isStream ? ": keep-alive\n\n" : "\n");
    }, keepAliveMs);
  }
  advance();
}
