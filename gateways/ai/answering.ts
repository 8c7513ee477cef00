/**
 * Takes exchanges to where they are answered: generation through the twelve phases, the small reads
 * beside it, probes, and the management plane. Whatever else comes is told in the API's own words.
 */
import { createPhaseRunner, type Phase } from "@tandem/libs/gateway";
import type { Exchange, ExchangeHandler } from "@tandem/libs/http";
import { isId } from "@tandem/libs/kernel";
import { newId, type Vigil } from "@tandem/libs/world";
import { Call } from "./call.ts";
import { dialectFor, type GenerationRoute, routeAt } from "./dialects/routes.ts";
import { aiFaults } from "./faults.ts";
import type { Observer } from "./observe/observer.ts";
import type { AiParts } from "./parts.ts";
import { answerPhase } from "./phases/answer.ts";
import { authenticatePhase } from "./phases/authenticate.ts";
import { balancePhase } from "./phases/balance.ts";
import { checkQuotaPhase } from "./phases/check-quota.ts";
import { generatePhase } from "./phases/generate.ts";
import { lookUpCachePhase } from "./phases/look-up-cache.ts";
import { prepareContextPhase } from "./phases/prepare-context.ts";
import { receivePhase } from "./phases/receive.ts";
import { recordPhase } from "./phases/record.ts";
import { selectModelPhase } from "./phases/select-model.ts";
import { storeInCachePhase } from "./phases/store-in-cache.ts";
import { validatePhase } from "./phases/validate.ts";
import { answerRead, readAt } from "./reads/answer-read.ts";
import type { ReadParts } from "./reads/read.ts";

/** The twelve steps of a request, by the names of ARCHITECTURE.md. */
export function aiPhases(parts: AiParts): readonly Phase<Call>[] {
  return [
    receivePhase(parts),
    validatePhase,
    balancePhase,
    authenticatePhase(parts),
    checkQuotaPhase(parts),
    lookUpCachePhase(parts),
    prepareContextPhase(parts),
    selectModelPhase(parts),
    generatePhase(parts),
    storeInCachePhase(parts),
    recordPhase(parts),
    answerPhase(parts),
  ];
}

export interface AnsweringParts {
  readonly parts: ReadParts;
  readonly observer: Observer;
  readonly vigil: Pick<Vigil, "touch">;
  /** The management plane's part of this gateway. */
  readonly management: ExchangeHandler;
  readonly unreadyChecks: () => readonly string[];
}

export function createAnswering(given: AnsweringParts): ExchangeHandler {
  const { parts, observer, vigil, management, unreadyChecks } = given;
  const { world, log } = parts;
  const runner = createPhaseRunner(aiPhases(parts), { clock: world.clock });
  const generate = (exchange: Exchange, route: GenerationRoute, requestId: string): void => {
    const call = new Call({ exchange, route, requestId, trace: runner.startTrace() });
    vigil.touch();
    observer.started();
    runner.run(call).then(
      () => observer.ended(call, world.clock.monotonicMs()),
      (error: unknown) => {
        // Only a mistake in the observer comes here: the answer has gone out.
        log.error("observer_failed", { request_id: requestId, error: String(error) });
      },
    );
  };
  return (exchange) => {
    const { method, path, headers } = exchange.head;
    if (path === "/livez" || path === "/readyz") {
      answerProbe(exchange, path === "/livez" ? [] : unreadyChecks());
      return;
    }
    if (path.startsWith("/api/")) {
      management(exchange);
      return;
    }
    const given = headers.get("x-request-id");
    const requestId = given !== undefined && isId("req", given) ? given : newId(world, "req");
    const route = routeAt(path);
    if (route !== undefined && method === "POST") {
      generate(exchange, route, requestId);
      return;
    }
    const read = readAt(path);
    if (read?.methods.includes(method)) {
      void answerRead(exchange, parts, { read, requestId });
    } else refuse(exchange, { requestId, isKnown: route !== undefined || read !== undefined });
  };
}

function answerProbe(exchange: Exchange, unready: readonly string[]): void {
  const text = unready.length === 0 ? "ok\n" : `waiting for ${unready.join(", ")}\n`;
  exchange.respond(unready.length === 0 ? 200 : 503, [["content-type", "text/plain"]], text);
}

function refuse(
  exchange: Exchange,
  { requestId, isKnown }: { readonly requestId: string; readonly isKnown: boolean },
): void {
  const fault = isKnown ? aiFaults.method_not_allowed() : aiFaults.no_such_endpoint();
  const dialect = dialectFor(exchange.head);
  const fields: (readonly [string, string])[] = [
    ["content-type", "application/json"],
    ["x-request-id", requestId],
    ["request-id", requestId],
    ...dialect.retryFields(fault),
  ];
  const status = dialect.statusOf(fault, fault.httpStatus);
  exchange.respond(status, fields, dialect.errorBody(fault, requestId));
}
