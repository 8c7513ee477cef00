/**
 * A fault on the wire: Connect's error JSON (`code`, `message`), with our own members beside it,
 * which other Connect clients ignore. `detail` stays behind: it is for the server's log alone.
 */
import {
  Fault,
  type FaultBlame,
  type FaultCode,
  type FaultRetry,
  httpStatusToFaultCode,
} from "../kernel/index.ts";

interface WireFault {
  readonly code: FaultCode;
  readonly message: string;
  readonly reason?: string;
  readonly blame?: FaultBlame;
  readonly retry?: FaultRetry;
  readonly http_status?: number;
  readonly retry_after_ms?: number;
  readonly context?: Readonly<Record<string, string | number | boolean>>;
}

export function faultToWire(fault: Fault): string {
  const wire: WireFault = {
    code: fault.code,
    message: fault.publicMessage,
    reason: fault.reason,
    blame: fault.blame,
    retry: fault.retry,
    http_status: fault.httpStatus,
    ...(fault.retryAfterMs === undefined ? {} : { retry_after_ms: fault.retryAfterMs }),
    context: fault.context,
  };
  return JSON.stringify(wire);
}

/** The fault behind an answer that is not 200; never throws itself. */
export function faultFromWire(status: number, body: Buffer): Fault {
  let wire: Partial<WireFault> = {};
  try {
    wire = JSON.parse(body.toString()) as Partial<WireFault>;
  } catch {
    // Not ours: the status has to do.
  }
  return new Fault({
    code: wire.code ?? httpStatusToFaultCode(status),
    reason: wire.reason ?? "rpc.foreign_error",
    publicMessage: wire.message ?? "A part of the platform refused the call.",
    detail: `answered with status ${status}`,
    ...(wire.blame === undefined ? {} : { blame: wire.blame }),
    ...(wire.retry === undefined ? {} : { retry: wire.retry }),
    ...(wire.http_status === undefined ? {} : { httpStatus: wire.http_status }),
    ...(wire.retry_after_ms === undefined ? {} : { retryAfterMs: wire.retry_after_ms }),
    ...(wire.context === undefined ? {} : { context: wire.context }),
  });
}
