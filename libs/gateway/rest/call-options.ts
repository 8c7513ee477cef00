/** How a route's call goes on to a service: for whom, how long, and under which idempotency key. */
import { hash } from "node:crypto";
import type { CallOptions } from "../../rpc/index.ts";
import type { AuthClient } from "../identity/identities.ts";
import type { RestCall } from "./route.ts";

/** How a route passes on whom it is for, and how long there is. */
export function asCaller(call: RestCall): CallOptions {
  return {
    requestId: call.requestId,
    caller: call.caller.claims,
    deadlineMs: call.remainingMs(),
  };
}

/** For what the platform does by itself, after the gateway has checked who asks for it. */
export function asPlatform(call: RestCall): CallOptions {
  return { requestId: call.requestId, deadlineMs: call.remainingMs() };
}

/**
 * The client's idempotency key as services get it: another caller's same words are another key.
 * Hashed, since services bound its length. Without one the request's own id takes its place, so
 * that a call repeated on another replica has one effect all the same.
 */
export function idempotencyKeyOf({ idempotencyKey, requestId, caller }: RestCall): string {
  const given = idempotencyKey === "" ? ["request", requestId] : [caller.actor, idempotencyKey];
  return hash("sha256", JSON.stringify(given), "base64url");
}

/**
 * Writes down what is about to be done in a service that keeps no audit log itself. Before it, and
 * not after: where nothing can be written down nothing is done (no audit, no action).
 */
export async function recordIntent(
  call: RestCall,
  { auth }: { readonly auth: Pick<AuthClient, "recordAudit"> },
  intent: { readonly action: string; readonly target: string; readonly after?: unknown },
): Promise<void> {
  const { organisationId, userId } = call.caller.claims;
  const { actor } = call.caller;
  const entry = {
    organisationId,
    actor: userId === "" || userId === actor ? actor : `${userId}/${actor}`,
    action: intent.action,
    target: intent.target,
    afterJson: intent.after === undefined ? "" : JSON.stringify(intent.after),
    requestId: call.requestId,
  };
  await auth.recordAudit(
    { entry, eventId: `${call.requestId} ${intent.action}` },
    asPlatform(call),
  );
}
