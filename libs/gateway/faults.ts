/** Every reason the gateways' shared part can fail with. */
export { identityFaults } from "./identity/identity-faults.ts";
export { restFaults } from "./rest/rest-faults.ts";
