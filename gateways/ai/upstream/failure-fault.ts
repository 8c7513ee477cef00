import type { Fault } from "@tandem/libs/kernel";
import {
  type AttemptFailure,
  codeOfError,
  judgeAttempt,
  messageOfError,
} from "../core/attempts/attempt-outcome.ts";
import { aiFaults } from "../faults.ts";

/** What the client is told when no target is left. `attempts`: how many were tried. */
export function failureFault(failure: AttemptFailure, attempts: number): Fault {
  const { tell } = judgeAttempt(failure);
  const { detail } = failure;
  const context = { attempts };
  if (tell === "busy") {
    const retryAfterMs = failure.kind === "status" ? failure.retryAfterMs : undefined;
    return aiFaults.upstreams_busy({ detail, context, retryAfterMs: retryAfterMs ?? 1_000 });
  }
  if (tell === "own_lack") return aiFaults.connections_exhausted({ detail, context });
  if (tell === "time_limit") return aiFaults.time_limit({ detail, context });
  if (tell === "refused" && failure.kind === "status") return refusalFault(failure);
  return aiFaults.upstream_failed({ detail, context });
}

/** The upstream's own words about a request that is wrong, with its status where that is known. */
function refusalFault(failure: Extract<AttemptFailure, { readonly kind: "status" }>): Fault {
  const message = messageOfError(failure.error);
  const code = codeOfError(failure.error);
  const isTooLong =
    code === "context_length_exceeded" ||
    /maximum context length|context window|prompt is too long/i.test(message);
  const details = {
    detail: failure.detail,
    ...(message === "" ? {} : { publicMessage: message }),
    context: { upstream_code: isTooLong ? "" : code },
  };
  if (isTooLong) return aiFaults.context_too_long(details);
  return failure.status === 422
    ? aiFaults.invalid_parameter(details)
    : aiFaults.upstream_refused(details);
}
