import { genericProfile, type UpstreamProfile } from "./profile.ts";

/** llama.cpp continues a last message of the assistant by itself. */
export const llamacppProfile: UpstreamProfile = {
  ...genericProfile,
  isOwnHardware: true,
  // Trailing blanks are trimmed by its templates, so that the seam would lack them.
  continuation: {
    chat: "last_message",
    isExact: false,
    reasoning: false,
    json: false,
    trailingBlanks: false,
  },
  adapt: (patch, request) => {
    if (request.isThinking === false) {
      patch.set("chat_template_kwargs", '{"enable_thinking":false}');
    }
    patch.remove("thinking");
  },
};
