import { genericProfile, type UpstreamProfile } from "./profile.ts";

export const lmstudioProfile: UpstreamProfile = {
  ...genericProfile,
  isOwnHardware: true,
  reasoningKey: "reasoning",
  adapt: (patch) => patch.remove("thinking"),
};
