/** The small reads beside generation, for callers with a key. */
import {
  type CallerIdentity,
  clientAddress,
  hasApiKeyForm,
  identityFaults,
} from "@tandem/libs/gateway";
import type { Exchange } from "@tandem/libs/http";
import { Fault } from "@tandem/libs/kernel";
import { credentialOf, keyOf } from "../credential.ts";
import { restUnder } from "../dialects/openai/endpoints.ts";
import { dialectFor, isCountTokens } from "../dialects/routes.ts";
import { aiFaults } from "../faults.ts";
import type { AiParts } from "../parts.ts";
import { balanceRead } from "./balance.ts";
import { countTokensRead } from "./count-tokens.ts";
import { modelNameAt, modelsRead } from "./models.ts";
import { moderationsRead } from "./moderations.ts";
import type { Read, ReadParts } from "./read.ts";
import { responsesReadAt } from "./responses.ts";

/** Which read is meant by a path; undefined when none is. */
export function readAt(path: string): Read | undefined {
  if (modelNameAt(path) !== undefined) return modelsRead;
  if (isCountTokens(path)) return countTokensRead;
  if (restUnder(path, "/moderations") === "") return moderationsRead;
  if (restUnder(path, "/user/balance") === "") return balanceRead;
  return responsesReadAt(path);
}

/** Answers a read; never rejects. */
export async function answerRead(
  exchange: Exchange,
  parts: ReadParts,
  { read, requestId }: { readonly read: Read; readonly requestId: string },
): Promise<void> {
  const dialect = dialectFor(exchange.head);
  const fields: (readonly [string, string])[] = [
    ["content-type", "application/json"],
    ["x-request-id", requestId],
    ["request-id", requestId],
    ["x-ds-trace-id", requestId],
  ];
  try {
    const { identity, isDegraded } = await identify(exchange, parts);
    fields.push(...dialect.callerFields(identity.claims.organisationId));
    if (isDegraded) fields.push(["x-tandem-degraded", "identity"]);
    const body = await read.answer({ exchange, parts, identity, dialect, requestId });
    exchange.respond(200, fields, body);
  } catch (error) {
    const fault = Fault.from(error);
    exchange.noteFault?.(fault);
    const body = dialect.errorBody(fault, requestId);
    const status = dialect.statusOf(fault, fault.httpStatus);
    exchange.respond(status, [...fields, ...dialect.retryFields(fault)], body);
  }
}

/** Whose request it is, for what stands beside the phases. Throws why it cannot be said. */
export async function identify(
  exchange: Pick<Exchange, "head" | "remoteAddress">,
  { identities }: Pick<AiParts, "identities">,
): Promise<{ readonly identity: CallerIdentity; readonly isDegraded: boolean }> {
  const { headers } = exchange.head;
  const credential = credentialOf(headers);
  const known = identities.find(credential);
  if (known === undefined && !hasApiKeyForm(keyOf(credential))) throw identityFaults.invalid();
  const found = known ?? (await identities.resolve(credential));
  const isDegraded = identities.admit(found);
  if (!found.identity.mayComeFrom(clientAddress(headers, exchange.remoteAddress))) {
    throw aiFaults.address_not_allowed();
  }
  return { identity: found.identity, isDegraded };
}
