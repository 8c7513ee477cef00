import { genericProfile, type UpstreamProfile } from "./profile.ts";

/** The embedded engine: ours, so it takes what the API has. */
export const engineProfile: UpstreamProfile = {
  ...genericProfile,
  isOwnHardware: true,
  knowsDeveloper: true,
};
