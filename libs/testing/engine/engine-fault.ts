/**
 * The ways in which a model server goes wrong, as changes to the response it would have given.
 * Pure: a response is a script of pieces, and a fault makes another script of it.
 */

/** One thing that goes wrong with one response. All offsets are in bytes. */
export type EngineFault =
  /** Takes the request and never says a byte. */
  | { readonly kind: "hang" }
  /** Resets the connection before the first byte. */
  | { readonly kind: "reset" }
  /**
   * Breaks the connection after `atByte` bytes of the response on the wire, head and chunk framing
   * included: by reset, by an orderly close of the connection, or by falling silent.
   */
  | { readonly kind: "cut"; readonly atByte: number; readonly how: "reset" | "end" | "stall" }
  /** Ends the body after `atByte` of its bytes, half a line or not, and properly as HTTP has it. */
  | { readonly kind: "truncate"; readonly atByte: number }
  /** The same between two events of a stream: neither finish reason nor `[DONE]`. */
  | { readonly kind: "stop-short"; readonly afterEvents: number }
  /** An error event inside the stream. */
  | { readonly kind: "stream-error"; readonly afterEvents: number }
  /** A page made for people, as proxies send it. */
  | { readonly kind: "html"; readonly status: number }
  /** Status 200, and an error object where the answer should be. */
  | { readonly kind: "error-body" }
  /** Status 200, and bytes that are neither JSON nor events. */
  | { readonly kind: "malformed" }
  /** An honest error; `Retry-After` where seconds are given. */
  | {
      readonly kind: "status";
      readonly status: number;
      readonly retryAfterSeconds?: number;
      readonly code?: string;
      readonly message?: string;
    }
  /** Everything comes, in pieces of `bytes`, one every `everyMs`. */
  | { readonly kind: "drip"; readonly bytes: number; readonly everyMs: number }
  /** Everything comes, that much later. */
  | { readonly kind: "late"; readonly delayMs: number };

export interface ResponsePiece {
  readonly bytes: Buffer;
  /** How long after the piece before. */
  readonly afterMs: number;
}

/** A response before it is played. */
export interface ResponseScript {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Of a stream, one piece an event. */
  readonly pieces: readonly ResponsePiece[];
  /** With a declared length, or in chunks. */
  readonly framing: "length" | "chunked";
  readonly ending: "proper" | "hang" | "reset";
  /** Where the wire breaks, counted from the response's first byte. */
  readonly cut?: { readonly atByte: number; readonly how: "reset" | "end" | "stall" };
}

export function jsonScript(
  status: number,
  body: object,
  headers: Readonly<Record<string, string>> = {},
): ResponseScript {
  return {
    status,
    headers: { "content-type": "application/json", ...headers },
    pieces: [{ bytes: Buffer.from(JSON.stringify(body)), afterMs: 0 }],
    framing: "length",
    ending: "proper",
  };
}

export function errorBody(message: string, code = "invalid_request_error"): object {
  return { error: { message, type: "invalid_request_error", param: null, code } };
}

/** The response that is given instead of `script` when `fault` strikes. */
export function scriptWithFault(script: ResponseScript, fault: EngineFault): ResponseScript {
  const isStream = script.framing === "chunked";
  switch (fault.kind) {
    case "hang":
      return { ...script, pieces: [], ending: "hang" };
    case "reset":
      return { ...script, pieces: [], ending: "reset" };
    case "cut":
      return { ...script, cut: { atByte: fault.atByte, how: fault.how } };
    case "truncate":
      return { ...script, framing: "chunked", pieces: firstBytes(script.pieces, fault.atByte) };
    case "stop-short":
      return { ...script, framing: "chunked", pieces: script.pieces.slice(0, fault.afterEvents) };
    case "stream-error":
      return { ...script, pieces: [...script.pieces.slice(0, fault.afterEvents), brokenEvent] };
    case "html":
      return page(fault.status);
    case "error-body":
      return jsonScript(200, errorBody("CUDA out of memory", "internal_error"));
    case "malformed":
      return malformed(script, isStream);
    case "status":
      return honestError(fault);
    case "drip":
      return { ...script, pieces: drips(script.pieces, fault.bytes, fault.everyMs) };
    case "late":
      return { ...script, pieces: delayed(script.pieces, fault.delayMs) };
  }
}

const brokenEvent: ResponsePiece = {
  bytes: Buffer.from(
    `data: ${JSON.stringify(errorBody("The model stopped.", "server_error"))}\n\n`,
  ),
  afterMs: 0,
};

function page(status: number): ResponseScript {
  const html = `<html><head><title>${status}</title></head><body>Bad gateway</body></html>`;
  return {
    ...jsonScript(status, {}, { "content-type": "text/html; charset=utf-8" }),
    pieces: [{ bytes: Buffer.from(html), afterMs: 0 }],
  };
}

function malformed(script: ResponseScript, isStream: boolean): ResponseScript {
  const text = isStream ? 'data: {"choices":[{"delta":\n\ndat' : '{"choices":[{"message":';
  const pieces = [...(isStream ? script.pieces.slice(0, 2) : [])];
  return { ...script, pieces: [...pieces, { bytes: Buffer.from(text), afterMs: 0 }] };
}

function honestError(fault: Extract<EngineFault, { kind: "status" }>): ResponseScript {
  const { status, retryAfterSeconds, code, message } = fault;
  const headers: Record<string, string> =
    retryAfterSeconds === undefined ? {} : { "retry-after": String(retryAfterSeconds) };
  return jsonScript(status, errorBody(message ?? `mock engine says ${status}`, code), headers);
}

function firstBytes(pieces: readonly ResponsePiece[], count: number): ResponsePiece[] {
  const kept: ResponsePiece[] = [];
  let left = count;
  for (const piece of pieces) {
    if (left <= 0) break;
    kept.push({ ...piece, bytes: piece.bytes.subarray(0, left) });
    left -= piece.bytes.length;
  }
  return kept;
}

function drips(pieces: readonly ResponsePiece[], bytes: number, everyMs: number): ResponsePiece[] {
  const whole = Buffer.concat(pieces.map((piece) => piece.bytes));
  const drops: ResponsePiece[] = [];
  for (let start = 0; start < whole.length; start += bytes) {
    drops.push({ bytes: whole.subarray(start, start + bytes), afterMs: everyMs });
  }
  return drops;
}

function delayed(pieces: readonly ResponsePiece[], delayMs: number): ResponsePiece[] {
  return pieces.map((piece, index) =>
    index === 0 ? { ...piece, afterMs: piece.afterMs + delayMs } : piece,
  );
}
