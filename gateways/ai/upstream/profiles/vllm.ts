import type { BodyPatch } from "../../core/body-patch.ts";
import type { GenerationRequest } from "../../core/request/generation-request.ts";
import type { ContinuationForm } from "../../core/splice/continuation-form.ts";
import { genericProfile, type UpstreamProfile } from "./profile.ts";

/** What servers that render the model's own chat template need: vLLM and SGLang. */
export function adaptTemplate(patch: BodyPatch, request: GenerationRequest): void {
  if (request.isThinking !== undefined) {
    // Qwen's template reads the first, DeepSeek's the second.
    const { isThinking } = request;
    patch.set("chat_template_kwargs", `{"enable_thinking":${isThinking},"thinking":${isThinking}}`);
  }
  patch.remove("thinking");
  if (request.features.includes("prefix")) {
    // With the defaults the turn would be closed and a second answer begun.
    patch.set("continue_final_message", "true");
    patch.set("add_generation_prompt", "false");
  }
}

/** They render the last message open, and check a grammar from where it starts, not from there. */
export const templateContinuation: ContinuationForm = {
  chat: "final_message",
  isExact: false,
  reasoning: false,
  json: false,
  trailingBlanks: true,
};

export const vllmProfile: UpstreamProfile = {
  ...genericProfile,
  isOwnHardware: true,
  reasoningKey: "reasoning",
  continuation: templateContinuation,
  adapt: adaptTemplate,
};
