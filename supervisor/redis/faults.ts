import { defineFaults } from "@tandem/libs/kernel";

/** Why the private Redis can fail to start. The platform then uses the embedded store. */
export const redisFaults = defineFaults("redis", {
  /** It ended, or did not answer, instead of becoming ready; `detail` holds its last words. */
  start_failed: {
    code: "unavailable",
    blame: "platform",
    retry: "after_delay",
    publicMessage:
      "The private Redis did not start; its reason is in the log. Set REDIS_URL to another one, " +
      "or remove redis-server from PATH to use the embedded store.",
  },
  socket_path_too_long: {
    code: "failed_precondition",
    blame: "config",
    retry: "never",
    publicMessage:
      "The path of the Unix socket of Redis is longer than the system's 107 bytes. Choose a " +
      "shorter run directory.",
  },
});
