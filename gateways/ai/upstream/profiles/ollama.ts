import { genericProfile, type UpstreamProfile } from "./profile.ts";

/** Ollama's OpenAI-compatible side, which sends reasoning as `reasoning`. */
export const ollamaProfile: UpstreamProfile = {
  ...genericProfile,
  isOwnHardware: true,
  reasoningKey: "reasoning",
  adapt: (patch, request) => {
    patch.remove("thinking");
    if (request.isThinking === false) patch.set("reasoning_effort", '"none"');
  },
};
