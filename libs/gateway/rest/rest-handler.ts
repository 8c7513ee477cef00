/**
 * The management plane's server: takes an exchange through the phases receive → authenticate →
 * authorise → validate → recall → execute → remember → answer → record, each a small file, each
 * saying what it may throw. Whatever is thrown becomes one RFC 9457 problem.
 */
import type { Exchange, ExchangeHandler, HeaderFields } from "../../http/index.ts";
import { Fault, isId } from "../../kernel/index.ts";
import { newId } from "../../world/index.ts";
import { clientAddress } from "../client-address.ts";
import { faultToProblem, problemMediaType, retryAfterHeaders } from "../problem.ts";
import { authenticate, authorise } from "./admit.ts";
import { nobody } from "./caller.ts";
import { execute, recall, remember } from "./execute.ts";
import type { StoredAnswer } from "./idempotency.ts";
import { isUnchanged } from "./precondition.ts";
import { createRecorder } from "./recorder.ts";
import { restFaults } from "./rest-faults.ts";
import { sendFile } from "./send-file.ts";
import { createSlowRoutes } from "./slow-routes.ts";
import { validate } from "./validate.ts";
import type { Arrival, RestParts, RestPhase, RestWork, WorkParts } from "./work.ts";

const phases: readonly RestPhase[] = [authenticate, authorise, validate, recall, execute, remember];

const noBytes = new Uint8Array(0);

/** Sent with every answer: nothing of this plane is for caches in between or for sniffing. */
const standingHeaders: HeaderFields = [
  ["cache-control", "private, no-cache"],
  ["x-content-type-options", "nosniff"],
];

export function createRestHandler<Services>(given: RestParts<Services>): ExchangeHandler {
  const { staleAfterMs, world } = given;
  const monotonicMs = (): number => world.clock.monotonicMs();
  const parts = { ...given, slow: createSlowRoutes({ staleAfterMs, monotonicMs }) };
  const recorder = createRecorder(parts);
  return (exchange) => {
    const startedMs = parts.world.clock.monotonicMs();
    const arrival = receive(exchange, parts, startedMs);
    const record = recorder.open(arrival, startedMs);
    serve(arrival, parts, record.phase)
      .then(async (served) => {
        const fault = await respond(arrival, served);
        record.close(fault === undefined ? served : { ...served, fault });
      })
      .catch((error: unknown) => {
        // Only a mistake of ours comes here; the peer must not wait for ever.
        exchange.cut();
        parts.log.error("request_broken", { request_id: arrival.requestId, error: String(error) });
      });
  };
}

function receive<Services>(
  exchange: Exchange,
  { world, deadlineMs }: RestParts<Services>,
  startedMs: number,
): Arrival {
  const { headers } = exchange.head;
  const given = headers.get("x-request-id") ?? "";
  const told = Number(headers.get("x-tandem-deadline-ms") ?? deadlineMs);
  const allowedMs = told > 0 && told < deadlineMs ? told : deadlineMs;
  return {
    exchange,
    requestId: isId("req", given) ? given : newId(world, "req"),
    remoteAddress: clientAddress(headers, exchange.remoteAddress),
    isSecure: headers.get("x-forwarded-proto") === "https",
    remainingMs: () => allowedMs - (world.clock.monotonicMs() - startedMs),
  };
}

interface Served<Services> {
  readonly answer: StoredAnswer;
  /** Absent when no route was found. */
  readonly work?: RestWork<Services>;
  readonly fault?: Fault;
}

async function serve<Services>(
  arrival: Arrival,
  parts: WorkParts<Services>,
  onPhase: (name: string) => void,
): Promise<Served<Services>> {
  let work: RestWork<Services> | undefined;
  try {
    const preflight = findRoute(arrival, parts);
    if ("status" in preflight) return { answer: preflight };
    work = preflight;
    for (const phase of phases) {
      if (work.answer !== undefined && phase !== remember) continue;
      onPhase(phase.name);
      await phase.run(work);
    }
    const { answer } = work;
    if (answer === undefined) throw new Error(`${work.route.operationId} has no answer`);
    return { answer, work };
  } catch (error) {
    const fault = Fault.from(error);
    return {
      answer: problemAnswer(fault, arrival.requestId),
      fault,
      ...(work === undefined ? {} : { work }),
    };
  }
}

/** The route's work sheet, or at once the answer to OPTIONS. Throws for unknown places. */
function findRoute<Services>(
  arrival: Arrival,
  parts: WorkParts<Services>,
): RestWork<Services> | StoredAnswer {
  const { method, path } = arrival.exchange.head;
  const match = parts.table.match(method, path);
  if (match === undefined) {
    const allow = parts.table.methodsOf(path);
    if (allow.length === 0) throw restFaults.no_such_route();
    const headers: HeaderFields = [["allow", allow.join(", ")]];
    if (method === "OPTIONS") return { status: 204, headers, body: "" };
    const refusal = problemAnswer(restFaults.method_not_allowed(), arrival.requestId);
    return { ...refusal, headers: [...refusal.headers, ...headers] };
  }
  return {
    arrival,
    parts,
    route: match.route,
    rawParams: match.params,
    caller: nobody,
    params: undefined,
    query: undefined,
    rawBody: undefined,
    body: undefined,
    bytes: noBytes,
    idempotencyKey: "",
    expectedVersion: 0n,
    run: undefined,
    answer: undefined,
    file: undefined,
    marks: new Set(),
  };
}

function problemAnswer(fault: Fault, requestId: string): StoredAnswer {
  return {
    status: fault.httpStatus,
    headers: [["content-type", problemMediaType], ...retryAfterHeaders(fault)],
    body: JSON.stringify(faultToProblem(fault, requestId)),
  };
}

/** Resolves when the answer is on its way; with what broke it off, if something did. */
async function respond<Services>(
  arrival: Arrival,
  { answer, work }: Served<Services>,
): Promise<Fault | undefined> {
  const marks: ReadonlySet<string> = work?.marks ?? new Set();
  const { exchange, requestId } = arrival;
  const headers: (readonly [string, string])[] = [
    ...standingHeaders.filter(([name]) => !answer.headers.some(([own]) => own === name)),
    ["x-request-id", requestId],
    ...answer.headers,
  ];
  if (marks.size > 0) headers.push(["x-tandem-degraded", [...marks].join(", ")]);
  const etag = answer.headers.find(([name]) => name === "etag")?.[1];
  const isRead = exchange.head.method === "GET" || exchange.head.method === "HEAD";
  if (
    isRead &&
    etag !== undefined &&
    isUnchanged(exchange.head.headers.get("if-none-match"), etag)
  ) {
    const kept = headers.filter(([name]) => name !== "content-type");
    exchange.respond(304, kept, "");
  } else if (work?.file !== undefined) {
    return sendFile(exchange, headers, work.file).then(() => undefined, Fault.from);
  } else exchange.respond(answer.status, headers, markedBody(answer, marks));
  return undefined;
}

/** Says in the body, too, what is not fresh or whole, for clients that never look at headers. */
function markedBody({ body, status }: StoredAnswer, marks: ReadonlySet<string>): string {
  if (marks.size === 0 || status >= 400 || !body.startsWith("{")) return body;
  const value = JSON.parse(body) as Record<string, unknown>;
  return JSON.stringify({ ...value, degraded: [...marks] });
}
