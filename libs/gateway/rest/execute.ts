import { assert, Fault } from "../../kernel/index.ts";
import { canonicalJson } from "./idempotency.ts";
import { contentToEtag, versionToEtag } from "./precondition.ts";
import { restFaults } from "./rest-faults.ts";
import { type RestCall, type RestReply, type Route, successStatusOf } from "./route.ts";
import type { RestPhase, RestWork } from "./work.ts";

/**
 * Was it carried out before? Throws the faults of a key in use. While the hot store is away the
 * request goes on all the same: the service behind knows the key too, and is exactly once by it.
 */
export const recall: RestPhase = {
  name: "recall",
  async run(work) {
    if (work.idempotencyKey === "") return;
    const { organisationId } = work.caller.claims;
    const { method, target } = work.arrival.exchange.head;
    try {
      const begun = await work.parts.idempotency.begin({
        key: work.idempotencyKey,
        organisationId: organisationId || "platform",
        actor: work.caller.actor,
        method,
        target,
        canonicalBody: canonicalJson(work.rawBody ?? {}),
      });
      if ("status" in begun) {
        work.answer = { ...begun, headers: [...begun.headers, ["idempotent-replayed", "true"]] };
      } else {
        work.run = begun;
      }
    } catch (error) {
      if (!isAway(error)) throw error;
      work.marks.add("idempotency");
    }
  },
};

/** Do it. Throws the services' faults; a thing that is missing looks like one that is hidden. */
export const execute: RestPhase = {
  name: "execute",
  async run(work) {
    const staleName = staleNameOf(work);
    const stale = staleName === undefined ? undefined : work.parts.stale.find(staleName);
    try {
      const reply = work.route.handle(callOf(work), work.parts.services);
      work.answer = answerOf(work, await (stale === undefined ? reply : inTime(work, reply)));
      if (staleName !== undefined) work.parts.stale.keep(staleName, work.answer);
    } catch (error) {
      await work.run?.abandon().catch(() => undefined);
      if (stale === undefined || !isAway(error)) throw disguise(error, work.route);
      const { answer, ageSeconds } = stale;
      work.marks.add("stale");
      work.answer = { ...answer, headers: [...answer.headers, ["age", String(ageSeconds)]] };
    }
  },
};

/** Keep the answer for a repetition. A store that has gone costs the repetition, not the answer. */
export const remember: RestPhase = {
  name: "remember",
  async run(work) {
    if (work.run === undefined || work.answer === undefined) return;
    await work.run.complete(work.answer).catch(() => work.marks.add("idempotency"));
  },
};

function isAway(error: unknown): boolean {
  return Fault.is(error) && (error.code === "unavailable" || error.code === "deadline_exceeded");
}

function disguise<Services>(error: unknown, route: Route<Services>): unknown {
  if (!Fault.is(error)) return error;
  // A refusal between our own parts says nothing of the caller's credentials.
  if (error.reason === "rpc.passport_refused") return new Error(error.message, { cause: error });
  if (error.code !== "not_found" || !route.path.includes(":")) return error;
  return restFaults.not_found({ detail: error.reason, cause: error });
}

function callOf<Services>(work: RestWork<Services>): RestCall {
  const { arrival, caller, params, query, body, idempotencyKey, expectedVersion } = work;
  const { head } = arrival.exchange;
  return {
    caller,
    params,
    query,
    body,
    idempotencyKey,
    expectedVersion,
    requestId: arrival.requestId,
    remoteAddress: arrival.remoteAddress,
    isSecure: arrival.isSecure,
    target: head.target,
    header: (name) => head.headers.get(name),
    remainingMs: arrival.remainingMs,
  };
}

function answerOf<Services>(
  work: RestWork<Services>,
  reply: RestReply,
): NonNullable<typeof work.answer> {
  const { route } = work;
  if (reply.degraded !== undefined) work.marks.add(reply.degraded);
  const headers = [...(reply.headers ?? [])];
  if (route.reply === undefined) return { status: successStatusOf(route), headers, body: "" };
  const parsed = route.reply.safeParse(reply.body);
  assert(
    parsed.success,
    `${route.operationId} answers what its contract does not allow: ${parsed.error}`,
  );
  const body = JSON.stringify(parsed.data);
  if (reply.version !== undefined) headers.push(["etag", versionToEtag(reply.version)]);
  else if (route.method === "GET") headers.push(["etag", contentToEtag(body)]);
  headers.push(["content-type", "application/json"]);
  return { status: successStatusOf(route), headers, body };
}

function staleNameOf<Services>({ route, caller, arrival }: RestWork<Services>): string | undefined {
  if (route.stale === undefined || route.method !== "GET") return undefined;
  const owner = route.stale === "caller" ? caller.actor : "";
  return `${caller.claims.organisationId} ${owner} ${arrival.exchange.head.target}`;
}

/** The reply, or `rest.slow_service` once a copy serves the client better than waiting. */
function inTime<Services>(work: RestWork<Services>, reply: Promise<RestReply>): Promise<RestReply> {
  return new Promise((resolve, reject) => {
    const timer = work.parts.world.timers.after(work.parts.staleAfterMs, () => {
      reject(restFaults.slow_service());
    });
    reply.finally(() => timer.cancel()).then(resolve, reject);
  });
}
