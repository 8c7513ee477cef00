import { BodyPatch } from "../core/body-patch.ts";
import { nowhere } from "../core/json-document.ts";
import type { GenerationRequest } from "../core/request/generation-request.ts";
import { continueBody, type OpenAnswer } from "./continue-body.ts";
import type { UpstreamProfile } from "./profiles/profile.ts";

/** What an attempt asks for beyond the client's own words. */
export interface Adaptation {
  readonly profile: UpstreamProfile;
  /** The model's name at the upstream. */
  readonly upstreamModel: string;
  /** The most tokens that are paid for, each answer; undefined where nothing bounds them. */
  readonly tokensMax: number | undefined;
  /** Messages that take the place of the client's, as JSON: those of its conversation. */
  readonly messagesJson: string | undefined;
  /** An answer that is there in part, to be gone on with; for one that is asked for anew, absent. */
  readonly open?: OpenAnswer | undefined;
}

/** The client's body with what this upstream needs changed; its very bytes if that is nothing. */
export function adaptBody(request: GenerationRequest, adaptation: Adaptation): Buffer {
  const { document } = request;
  const { profile, upstreamModel, messagesJson } = adaptation;
  const patch = new BodyPatch(document);
  if (request.model !== upstreamModel) patch.set("model", JSON.stringify(upstreamModel));
  if (request.endpoint !== "embeddings") {
    limitTokens(patch, request, adaptation);
    if (request.isStream && profile.countsStreams) askUsage(patch, request);
  }
  if (request.conversationId !== "") patch.remove("conversation_id");
  if (messagesJson === undefined && !profile.knowsDeveloper) {
    for (const role of request.developerRoles) patch.replace(role, '"system"');
  }
  if (request.hasExtension && !profile.takesExtension) patch.remove("x_tandem");
  const { open } = adaptation;
  if (open !== undefined) continueBody(patch, request, { open, profile, messagesJson });
  else if (messagesJson !== undefined) patch.set("messages", messagesJson);
  profile.adapt(patch, openRequest(request, open));
  const canonical = patch.build();
  return profile.speech?.writeBody(canonical) ?? canonical;
}

/** Servers are asked in the way of a prefix for what is gone on with. */
export function openRequest(request: GenerationRequest, open?: OpenAnswer): GenerationRequest {
  const isPrefix = open?.isBegun === true && request.endpoint === "chat";
  if (!isPrefix || request.features.includes("prefix")) return request;
  return { ...request, features: [...request.features, "prefix"] };
}

/** Sends the limit under the server's name for it, and never more than is paid for. */
function limitTokens(
  patch: BodyPatch,
  { document, endpoint, maxTokens }: GenerationRequest,
  { profile, tokensMax }: Adaptation,
): void {
  const limit = Math.min(
    maxTokens ?? Number.POSITIVE_INFINITY,
    tokensMax ?? Number.POSITIVE_INFINITY,
  );
  const key = endpoint === "chat" ? profile.maxTokensKey : "max_tokens";
  const other = key === "max_tokens" ? "max_completion_tokens" : "max_tokens";
  patch.remove(other);
  if (limit === Number.POSITIVE_INFINITY) return;
  const given = document.member(document.root, key);
  if (given === nowhere || document.number(given) !== limit) patch.set(key, String(limit));
}

/** Usage is asked for always: what was not counted cannot be charged. */
function askUsage(patch: BodyPatch, { document }: GenerationRequest): void {
  const options = document.member(document.root, "stream_options");
  const included = options === nowhere ? nowhere : document.member(options, "include_usage");
  if (included !== nowhere && document.raw(included) === "true") return;
  patch.set("stream_options", '{"include_usage":true}');
}
