import { genericProfile, openaiPath, type UpstreamProfile } from "./profile.ts";

/** api.deepseek.com. Prefixes and filling in the middle live under `/beta`. */
export const deepseekProfile: UpstreamProfile = {
  ...genericProfile,
  continuation: {
    chat: "prefix",
    isExact: false,
    reasoning: true,
    json: false,
    trailingBlanks: true,
  },
  pathOf: (basePath, request) => {
    const isBeta = request.features.includes("prefix") || request.endpoint === "completions";
    if (!isBeta || basePath.endsWith("/beta")) return openaiPath(basePath, request);
    return openaiPath(`${basePath.replace(/\/v1$/, "")}/beta`, request);
  },
  adapt: (patch, request) => {
    // A forced tool is refused while the model thinks, which it does by default; LangChain's
    // structured output forces one and knows nothing of thinking.
    if (request.isToolForced && request.isThinking === undefined) {
      patch.set("thinking", '{"type":"disabled"}');
    }
  },
};
