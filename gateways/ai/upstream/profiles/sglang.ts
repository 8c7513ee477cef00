import { genericProfile, type UpstreamProfile } from "./profile.ts";
import { adaptTemplate, templateContinuation } from "./vllm.ts";

export const sglangProfile: UpstreamProfile = {
  ...genericProfile,
  isOwnHardware: true,
  continuation: templateContinuation,
  adapt: adaptTemplate,
};
