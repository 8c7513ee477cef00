import { assert, Fault } from "../../kernel/index.ts";
import { canonicalJson } from "./idempotency.ts";
import { contentToEtag, versionToEtag } from "./precondition.ts";
import { restFaults } from "./rest-faults.ts";
import { type RestCall, type RestReply, type Route, successStatusOf } from "./route.ts";
import { beginFile, fileHeaders } from "./send-file.ts";
import type { StaleAnswer } from "./stale-answers.ts";
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
    const copies = staleName === undefined ? undefined : createCopies(work, staleName);
    try {
      const handled = work.route.handle(callOf(work), work.parts.services);
      const reply = await (copies === undefined ? handled : inTime(work, handled, copies));
      if (reply.file !== undefined) work.file = await beginFile(reply.file);
      work.answer = answerOf(work, reply);
      if (staleName !== undefined) keepCopy(work, staleName, reply.degraded);
    } catch (error) {
      await work.run?.abandon().catch(() => undefined);
      const copy = isAway(error) ? await copies?.find() : undefined;
      if (copy === undefined) throw disguise(error, work.route);
      work.marks.add("stale");
      work.answer = fromCopy(work, copy);
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
  const { arrival, caller, params, query, body, bytes, idempotencyKey, expectedVersion } = work;
  const { head } = arrival.exchange;
  return {
    caller,
    params,
    query,
    body,
    bytes,
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
  if (reply.file !== undefined) {
    return { status: 200, headers: [...headers, ...fileHeaders(reply.file)], body: "" };
  }
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
  return { status: reply.status ?? successStatusOf(route), headers, body };
}

function staleNameOf<Services>({ route, caller, arrival }: RestWork<Services>): string | undefined {
  if (route.stale === undefined || route.method !== "GET") return undefined;
  const owner = route.stale === "caller" ? caller.actor : "";
  return `${caller.claims.organisationId} ${owner} ${arrival.exchange.head.target}`;
}

/** The mark of a copy that was not whole itself. */
const markField = "x-tandem-degraded";

/** What was not whole stands in where there is nothing better, with its mark. */
function keepCopy<Services>(
  { answer, parts: { stale } }: RestWork<Services>,
  name: string,
  mark: string | undefined,
): void {
  if (answer === undefined) return;
  if (mark === undefined) stale.keep(name, answer);
  else if (stale.find(name) === undefined) {
    stale.keep(name, { ...answer, headers: [...answer.headers, [markField, mark]] });
  }
}

function fromCopy<Services>(
  { marks }: RestWork<Services>,
  { answer, ageSeconds }: StaleAnswer,
): StaleAnswer["answer"] {
  const headers = answer.headers.filter(([name, value]) => {
    if (name === markField) marks.add(value);
    return name !== markField;
  });
  return { ...answer, headers: [...headers, ["age", String(ageSeconds)]] };
}

/** Where a copy of the answer may be: in memory, or in the hot store, which is asked once. */
interface Copies {
  find(): Promise<StaleAnswer | undefined>;
}

function createCopies<Services>({ parts }: RestWork<Services>, name: string): Copies {
  let found: Promise<StaleAnswer | undefined> | undefined;
  return {
    find: () => {
      const own = parts.stale.find(name);
      if (own !== undefined) return Promise.resolve(own);
      found ??= parts.stale.findShared(name);
      return found;
    },
  };
}

/** The reply, or `rest.slow_service` once a copy serves the client better than waiting. */
function inTime<Services>(
  work: RestWork<Services>,
  reply: Promise<RestReply>,
  copies: Copies,
): Promise<RestReply> {
  const { parts, route } = work;
  return new Promise((resolve, reject) => {
    const timer = parts.world.timers.after(parts.slow.patienceMs(route.operationId), () => {
      copies.find().then((copy) => {
        if (copy === undefined) return;
        parts.slow.wasSlow(route.operationId);
        reject(restFaults.slow_service());
      }, reject);
    });
    reply
      .finally(() => timer.cancel())
      .then((answer) => {
        parts.slow.wasInTime(route.operationId);
        resolve(answer);
      }, reject);
  });
}
