import { nowhere } from "../../core/json-document.ts";
import { genericProfile, type UpstreamProfile } from "./profile.ts";

const topLogprobsMax = 5;

/** Alibaba Model Studio in its OpenAI-compatible mode. */
export const modelstudioProfile: UpstreamProfile = {
  ...genericProfile,
  maxTokensKey: "max_completion_tokens",
  adapt: (patch, request) => {
    const { document, isThinking } = request;
    patch.remove("thinking");
    // Some models think only in streams and refuse to be asked otherwise.
    const thinks = isThinking ?? (request.isStream ? undefined : false);
    if (thinks !== undefined && request.endpoint === "chat") {
      patch.set("enable_thinking", String(thinks));
    }
    const choice = document.member(document.root, "tool_choice");
    if (choice !== nowhere && document.raw(choice) === '"required"') {
      patch.replace(choice, '"auto"');
    }
    const logprobs = document.member(document.root, "top_logprobs");
    if (logprobs !== nowhere && document.number(logprobs) > topLogprobsMax) {
      patch.replace(logprobs, String(topLogprobsMax));
    }
  },
};
