/** What went wrong with a provider, told by whose fault it is. */
import { Fault } from "@tandem/libs/kernel";
import {
  AuthorizationResponseError,
  OperationProcessingError,
  RESPONSE_IS_NOT_CONFORM,
  RESPONSE_IS_NOT_JSON,
  ResponseBodyError,
} from "oauth4webapi";
import { authFaults } from "../faults.ts";

/** Refusals by which a token endpoint says that our own settings are wrong. */
const ourMistakes = new Set(["invalid_client", "unauthorized_client", "invalid_scope"]);
/** What a provider says instead of an answer when it is not well. */
const unwell = new Set(["server_error", "temporarily_unavailable"]);

/** Details go to the log; they name what failed and never a token. */
export function providerFault(error: unknown, provider: string): Fault {
  if (Fault.is(error)) return error;
  const context = { provider };
  if (error instanceof AuthorizationResponseError || error instanceof ResponseBodyError) {
    const detail = `${provider}: ${error.error} ${error.error_description ?? ""}`.slice(0, 300);
    if (unwell.has(error.error)) return authFaults.provider_unavailable({ detail, context });
    if (ourMistakes.has(error.error)) return authFaults.provider_misconfigured({ detail, context });
    return authFaults.provider_refused({ detail, context });
  }
  if (error instanceof OperationProcessingError) {
    const detail = `${provider}: ${error.message} (${error.code ?? "no code"})`;
    // Something answers that is not the provider: a proxy's page, or half of an answer.
    const isNoAnswer =
      error.code === RESPONSE_IS_NOT_CONFORM || error.code === RESPONSE_IS_NOT_JSON;
    if (isNoAnswer) return authFaults.provider_unavailable({ detail, context, cause: error });
    return authFaults.provider_word_invalid({ detail, context, cause: error });
  }
  const detail = `${provider}: ${String(error)}`;
  return authFaults.provider_unavailable({ detail, context, retryAfterMs: 2_000, cause: error });
}
