import type { BodyPatch } from "../../core/body-patch.ts";
import type { GenerationRequest } from "../../core/request/generation-request.ts";
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

export const vllmProfile: UpstreamProfile = {
  ...genericProfile,
  isOwnHardware: true,
  reasoningKey: "reasoning",
  adapt: adaptTemplate,
};
