import { genericProfile, type UpstreamProfile } from "./profile.ts";

/** The embedded engine: ours, so it takes what the API has. */
export const engineProfile: UpstreamProfile = {
  ...genericProfile,
  isOwnHardware: true,
  knowsDeveloper: true,
  knowsPriority: true,
  // It remembers what it drew, and draws the last word again where it does not.
  continuation: {
    chat: "prefix",
    isExact: true,
    reasoning: false,
    json: true,
    trailingBlanks: true,
  },
};
