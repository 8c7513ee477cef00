import { genericProfile, type UpstreamProfile } from "./profile.ts";

/** api.openai.com. It refuses parameters it does not know. */
export const openaiProfile: UpstreamProfile = {
  ...genericProfile,
  maxTokensKey: "max_completion_tokens",
  knowsDeveloper: true,
  adapt: (patch, request) => {
    patch.remove("thinking");
    patch.remove("user_id");
    if (request.isMaxEffort) patch.set("reasoning_effort", '"xhigh"');
  },
};
