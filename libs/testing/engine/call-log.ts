import type { IncomingMessage } from "node:http";
import type { EngineFault } from "./engine-fault.ts";
import type { Question } from "./question.ts";

/**
 * One generation request as the engine saw it. States: running → completed, or canceled (the
 * caller left before the end), or broken (the engine's own fault ended it). Times in milliseconds
 * of `performance.now()` of this process.
 */
export interface EngineCall {
  /** 0, 1, 2 … in order of arrival. */
  readonly index: number;
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly bodyText: string;
  /** Undefined when the body is not JSON. */
  readonly body: unknown;
  /** Undefined when the body is not a request for words. */
  readonly question: Question | undefined;
  readonly fault: EngineFault | undefined;
  readonly state: "running" | "completed" | "canceled" | "broken";
  readonly arrivedMs: number;
  readonly firstByteMs: number | undefined;
  readonly endedMs: number | undefined;
  /** Pieces sent: events of a stream, or the body of a whole answer. */
  readonly piecesSent: number;
  /** Bytes on the wire, head and framing included. */
  readonly bytesSent: number;
}

/** A call while it runs, to be written by the engine alone. */
export interface CallRecord {
  readonly view: EngineCall;
  asked(question: Question | undefined, fault: EngineFault | undefined): void;
  sent(bytesSent: number): void;
  ended(state: "completed" | "canceled" | "broken", bytesSent: number): void;
}

interface Arrival {
  readonly request: IncomingMessage;
  readonly path: string;
  readonly bodyText: string;
  readonly arrivedMs: number;
}

type Mutable<Value> = { -readonly [Key in keyof Value]: Value[Key] };

export interface CallLog {
  readonly calls: readonly EngineCall[];
  readonly sideCalls: readonly string[];
  begin(arrival: Arrival): CallRecord;
  side(call: string): void;
  until(what: (calls: readonly EngineCall[]) => boolean, timeoutMs?: number): Promise<void>;
}

/** What an engine remembers; whoever waits for something to be so is told at once. */
export function createCallLog(): CallLog {
  const calls: EngineCall[] = [];
  const sideCalls: string[] = [];
  const waiting = new Set<() => void>();
  const changed = (): void => {
    for (const check of [...waiting]) check();
  };
  return {
    calls,
    sideCalls,
    begin(arrival) {
      const view = newCall(calls.length, arrival);
      calls.push(view);
      changed();
      return recordOf(view, changed);
    },
    side: (call) => void sideCalls.push(call),
    until: (what, timeoutMs = 5_000) =>
      new Promise((resolve, reject) => {
        const check = (): void => {
          if (!what(calls)) return;
          clearTimeout(timer);
          waiting.delete(check);
          resolve();
        };
        const timer = setTimeout(() => {
          waiting.delete(check);
          const states = calls.map((call) => call.state).join(", ");
          reject(new Error(`not so within ${timeoutMs} ms; calls: ${states || "none"}`));
        }, timeoutMs);
        waiting.add(check);
        check();
      }),
  };
}

function newCall(index: number, arrival: Arrival): Mutable<EngineCall> {
  const { request, path, bodyText, arrivedMs } = arrival;
  return {
    index,
    path,
    headers: request.headers,
    bodyText,
    body: parseJson(bodyText),
    question: undefined,
    fault: undefined,
    state: "running",
    arrivedMs,
    firstByteMs: undefined,
    endedMs: undefined,
    piecesSent: 0,
    bytesSent: 0,
  };
}

function recordOf(view: Mutable<EngineCall>, changed: () => void): CallRecord {
  return {
    view,
    asked(question, fault) {
      view.question = question;
      view.fault = fault;
      changed();
    },
    sent(bytesSent) {
      view.firstByteMs ??= performance.now();
      view.piecesSent += 1;
      view.bytesSent = bytesSent;
      changed();
    },
    ended(state, bytesSent) {
      if (view.state !== "running") return;
      view.state = state;
      view.bytesSent = bytesSent;
      view.endedMs = performance.now();
      changed();
    },
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
