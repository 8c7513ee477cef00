import { type CallerIdentity, clientAddress, type Known, type Phase } from "@tandem/libs/gateway";
import { admitByPriority } from "../admission.ts";
import type { Call } from "../call.ts";
import { autoName, type CatalogueModel } from "../core/catalogue/catalogue.ts";
import { requestTraits } from "../core/catalogue/request-traits.ts";
import { aiFaults } from "../faults.ts";
import type { UseMark } from "../known-callers.ts";
import { isPriced } from "../money/serving-price.ts";
import type { AiParts } from "../parts.ts";

/** Models named in the answer to an unknown one, at most. */
const listedMax = 20;

/**
 * 4 authenticate: who is it, and may they do this with this model? Known keys are in memory;
 * another is looked up once. A model the key may not use is as unknown as one that does not exist.
 */
export function authenticatePhase(parts: AiParts): Phase<Call> {
  const { identities } = parts;
  return {
    name: "authenticate",
    throws: [
      "identity.invalid",
      "identity.expired",
      "identity.unavailable",
      "ai.overloaded",
      "ai.hand_over_refused",
      "ai.scope_missing",
      "ai.endpoint_not_allowed",
      "ai.address_not_allowed",
      "ai.unknown_model",
    ],
    isRepeatable: true,
    run(call) {
      const known = identities.find(call.credential);
      if (known !== undefined) return admit(call, parts, known);
      return identities.resolve(call.credential).then((found) => {
        admitByPriority(call, parts, found.identity.priority);
        return admit(call, parts, found);
      });
    },
  };
}

function admit(call: Call, parts: AiParts, known: Known<UseMark>): "done" {
  if (parts.identities.admit(known)) call.mark("identity");
  const { identity } = known;
  call.identity = identity;
  if (call.handOver !== undefined && call.handOver.keyId !== identity.claims.keyId) {
    throw aiFaults.hand_over_refused();
  }
  checkRights(call, identity);
  call.model = findModel(call, parts, identity);
  const { organisationId, projectId, userId, keyId } = identity.claims;
  call.payer = { organisationId, projectId, userId, keyId, model: call.model.id };
  return "done";
}

function checkRights(call: Call, identity: CallerIdentity): void {
  if (!identity.scopes.has("inference")) {
    throw aiFaults.scope_missing({ context: { scope: "inference" } });
  }
  if (!identity.mayUseEndpoint(call.endpoint)) throw aiFaults.endpoint_not_allowed();
  const { head, remoteAddress } = call.exchange;
  if (!identity.mayComeFrom(clientAddress(head.headers, remoteAddress))) {
    throw aiFaults.address_not_allowed();
  }
}

function findModel(call: Call, parts: AiParts, identity: CallerIdentity): CatalogueModel {
  const { request, handOver } = call;
  const { current: catalogue } = parts.catalogue;
  const mayUse = (id: string): boolean => identity.mayUseModel(id);
  const former = handOver === undefined ? undefined : catalogue.find(handOver.model);
  if (former !== undefined && mayUse(former.id)) return former;
  if (request.model === autoName && catalogue.find(autoName) === undefined) {
    const choice = catalogue.choose(requestTraits(request), {
      features: request.features,
      // `auto` never means a model that would be refused for want of a price.
      mayUse: (id) => mayUse(id) && isPriced(catalogue.find(id), parts),
    });
    if (choice === undefined) throw unknownModel(request.model, []);
    call.ruleId = choice.ruleId;
    return choice.model;
  }
  const model = catalogue.find(request.model);
  if (model !== undefined && mayUse(model.id)) return model;
  throw unknownModel(request.model, catalogue.models.map(({ id }) => id).filter(mayUse));
}

function unknownModel(name: string, usable: readonly string[]) {
  const shown = name.slice(0, 100);
  const list = usable.slice(0, listedMax).join(", ");
  const rest = usable.length > listedMax ? ", …" : "";
  const hint = usable.length === 0 ? "There are none." : `They are: ${list}${rest}.`;
  return aiFaults.unknown_model({
    publicMessage: `The model must be one that this key may use. ${hint} But you passed ${shown}.`,
    context: { parameter: "model" },
  });
}
