/**
 * A private Redis or Valkey for the hot store, where a binary of one is installed; the
 * embedded store is used otherwise. It holds nothing that is not elsewhere as well, so its loss
 * costs speed and not data.
 */
export { redisFaults } from "./faults.ts";
export { type PrivateRedis, type PrivateRedisOptions, startPrivateRedis } from "./private-redis.ts";
