import { genericProfile, type UpstreamProfile } from "./profile.ts";

export const lmstudioProfile: UpstreamProfile = {
  ...genericProfile,
  reasoningKey: "reasoning",
  adapt: (patch) => patch.remove("thinking"),
};
