/** The small reads beside generation: models and balance, for callers with a key. */
import {
  type CallerIdentity,
  clientAddress,
  hasApiKeyForm,
  identityFaults,
} from "@tandem/libs/gateway";
import type { Exchange } from "@tandem/libs/http";
import { Fault } from "@tandem/libs/kernel";
import type { Clients } from "./clients.ts";
import { credentialOf, keyOf } from "./credential.ts";
import { balanceBody } from "./dialects/openai/balance-body.ts";
import { restUnder } from "./dialects/openai/endpoints.ts";
import { errorBody, retryFields } from "./dialects/openai/error-body.ts";
import { modelEntry, modelsList } from "./dialects/openai/models-list.ts";
import { aiFaults } from "./faults.ts";
import type { AiParts } from "./parts.ts";

const balanceDeadlineMs = 2_000;

export interface ReadParts extends AiParts {
  readonly quota: Clients["quota"];
}

/** Which read is meant by a path; undefined when none is. */
export function readAt(path: string): "models" | "balance" | undefined {
  if (restUnder(path, "/models") !== undefined) return "models";
  return restUnder(path, "/user/balance") === "" ? "balance" : undefined;
}

/** Answers a read; never rejects. */
export async function answerRead(
  exchange: Exchange,
  parts: ReadParts,
  { read, requestId }: { readonly read: "models" | "balance"; readonly requestId: string },
): Promise<void> {
  const fields: (readonly [string, string])[] = [
    ["content-type", "application/json"],
    ["x-request-id", requestId],
    ["request-id", requestId],
    ["x-ds-trace-id", requestId],
  ];
  try {
    const { identity, isDegraded } = await identify(exchange, parts);
    if (isDegraded) fields.push(["x-tandem-degraded", "identity"]);
    const body =
      read === "models"
        ? modelsBody(exchange, parts, identity)
        : await balance(parts, identity, requestId);
    exchange.respond(200, fields, body);
  } catch (error) {
    const fault = Fault.from(error);
    const body = errorBody(fault, requestId);
    exchange.respond(fault.httpStatus, [...fields, ...retryFields(fault)], body);
  }
}

async function identify(
  exchange: Exchange,
  { identities }: AiParts,
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

function modelsBody(exchange: Exchange, { catalogue }: AiParts, identity: CallerIdentity): string {
  const isAllowed = identity.scopes.has("inference") || identity.scopes.has("models:read");
  if (!isAllowed) throw aiFaults.scope_missing({ context: { scope: "models:read" } });
  if (!identity.mayUseEndpoint("models")) throw aiFaults.endpoint_not_allowed();
  if (!catalogue.isLoaded) throw aiFaults.not_ready();
  const name = decodeURIComponent(restUnder(exchange.head.path, "/models") ?? "");
  if (name === "") {
    return modelsList(catalogue.current.models.filter(({ id }) => identity.mayUseModel(id)));
  }
  const model = catalogue.current.find(name);
  if (model === undefined || !identity.mayUseModel(model.id)) {
    throw aiFaults.not_found({
      publicMessage: `There is no model ${name.slice(0, 100)} that this key may use.`,
    });
  }
  return JSON.stringify({ ...modelEntry(model), id: name });
}

async function balance(
  { quota }: ReadParts,
  identity: CallerIdentity,
  requestId: string,
): Promise<string> {
  if (!identity.scopes.has("inference") && !identity.scopes.has("manage:read")) {
    throw aiFaults.scope_missing({ context: { scope: "inference" } });
  }
  if (!identity.mayUseEndpoint("balance")) throw aiFaults.endpoint_not_allowed();
  const { organisationId } = identity.claims;
  const found = await quota.getBalance(
    { organisationId },
    { deadlineMs: balanceDeadlineMs, caller: identity.claims, requestId },
  );
  return balanceBody(found);
}
