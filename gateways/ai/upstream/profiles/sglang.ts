import { genericProfile, type UpstreamProfile } from "./profile.ts";
import { adaptTemplate } from "./vllm.ts";

export const sglangProfile: UpstreamProfile = {
  ...genericProfile,
  isOwnHardware: true,
  adapt: adaptTemplate,
};
