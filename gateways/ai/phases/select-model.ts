import type { Phase } from "@tandem/libs/gateway";
import type { Call } from "../call.ts";
import { missingFeature } from "../core/catalogue/catalogue.ts";
import { isExtractive } from "../core/catalogue/extractive.ts";
import type { Feature } from "../core/request/generation-request.ts";
import { aiFaults } from "../faults.ts";
import type { AiParts } from "../parts.ts";
import type { LiveTarget } from "../upstream/live-upstream.ts";

const wordsFor: Readonly<Record<Feature, string>> = {
  chat: "chat",
  completions: "text completions",
  fim: "filling in the middle",
  embeddings: "embeddings",
  tools: "tools",
  json_object: "JSON mode",
  json_schema: "structured output by a schema",
  prefix: "continuing a prefix",
  logprobs: "log probabilities",
  vision: "images",
};

/**
 * 8 select model: can the model do what is asked, and who has it? The model itself was found with
 * the key's rights (phase 4), since its price decides about the reservation.
 */
export function selectModelPhase(parts: AiParts): Phase<Call> {
  return {
    name: "select_model",
    throws: ["ai.feature_unsupported", "ai.upstream_failed"],
    isRepeatable: true,
    run(call) {
      const { model, request } = call;
      const missing = missingFeature(model, request.features);
      if (missing !== undefined) {
        throw aiFaults.feature_unsupported({
          publicMessage: `The model ${model.id} does not support ${wordsFor[missing]}.`,
          context: { parameter: parameterOf(missing) },
        });
      }
      if (isExtractive(model)) {
        checkExtractive(call);
        return "done";
      }
      const targets = withConsent(parts.upstreams.targetsOf(model), call, parts);
      call.targets = withSpeech(targets, call);
      const share = targets[0]?.group?.decision.share ?? 0;
      call.prefersStandby = share > 0 && parts.world.randomness.fraction() < share;
      if (call.targets.length === 0) {
        throw aiFaults.upstream_failed({
          publicMessage: `No upstream has the model ${model.id} at the moment.`,
          context: { attempts: 0 },
        });
      }
      if (call.ruleId !== "") call.trace.note(`${model.id} by rule ${call.ruleId}`);
      return "done";
    },
  };
}

/** Quotes are one answer to one question; nothing else can be asked of articles. */
function checkExtractive({ model, request }: Call): void {
  if (request.endpoint === "chat" && request.choices === 1 && !request.features.includes("tools")) {
    return;
  }
  throw aiFaults.feature_unsupported({
    publicMessage: `The model ${model.id} answers chats from articles: one choice, and no tools.`,
  });
}

/** Without standbys, where the project has not agreed to them or they have cost enough today. */
function withConsent(
  targets: readonly LiveTarget[],
  { identity }: Call,
  { config: { failover }, standbyCost }: AiParts,
): readonly LiveTarget[] {
  if (!targets.some(({ isStandby }) => isStandby)) return targets;
  const { projectId } = identity.claims;
  const hasAgreed = failover.consent === "everyone" || failover.projects.includes(projectId);
  if (hasAgreed && !standbyCost.isExhausted) return targets;
  return targets.filter(({ isStandby }) => !isStandby);
}

/** Without those that have no words for what is asked, as long as there are others. */
function withSpeech(targets: readonly LiveTarget[], { request, model }: Call) {
  let unsaid: string | undefined;
  const able = targets.filter(({ upstream: { profile } }) => {
    const lacking = profile.speech?.unsayable(request);
    unsaid ??= lacking;
    return lacking === undefined;
  });
  if (able.length > 0 || unsaid === undefined) return able;
  throw aiFaults.feature_unsupported({
    publicMessage: `The upstream of the model ${model.id} does not support ${unsaid}.`,
  });
}

function parameterOf(feature: Feature): string {
  if (feature === "json_object" || feature === "json_schema") return "response_format";
  if (feature === "tools" || feature === "logprobs") return feature;
  return feature === "prefix" || feature === "vision" ? "messages" : "model";
}
