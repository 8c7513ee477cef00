/**
 * The embedded PostgreSQL: the engine of production, from npm, with nothing to install and nothing
 * to configure. `startEmbeddedPostgres` makes and runs a server that only this machine
 * reaches, over a Unix socket; `provisionDatabases` gives each service its own database and role,
 * there or on a server of yours. They fail with `postgresFaults`, before anything else starts.
 */
export {
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
  startEmbeddedPostgres,
  type UnexpectedExit,
} from "./embedded-postgres.ts";
export { postgresFaults } from "./faults.ts";
export { type ProvisionOptions, provisionDatabases } from "./provision.ts";
