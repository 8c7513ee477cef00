/**
 * Where state lives: a service's PostgreSQL database with its schema changes, notifications and
 * event outbox. The other stores have entrances of their own, so that whoever needs no database
 * does not load what speaks to one: `store/hot` and `store/journal`. Every store fails with the
 * faults of `storeFaults`, within a bounded time, and comes back by itself when what it stands on
 * comes back. What each promises is in README.md.
 */
export {
  type ColumnType,
  type Generated,
  type Insertable,
  type Kysely,
  type RawBuilder,
  type Selectable,
  sql,
  type Transaction,
  type Updateable,
} from "kysely";
export { Database, type DatabaseOptions, openDatabase, transaction } from "./database/database.ts";
export { isConflict, isContention } from "./database/database-faults.ts";
export { databaseUrlFor } from "./database/database-url.ts";
export type { Executor } from "./database/executor.ts";
export { type Migrations, migrate } from "./database/migrate.ts";
export { withRetry } from "./database/retry.ts";
export {
  notify,
  type SubscribeOptions,
  type Subscription,
  subscribe,
} from "./database/subscribe.ts";
export { storeFaults } from "./faults.ts";
export {
  discardParked,
  enqueueEvent,
  type OutboxEvent,
  type OutboxStatus,
  outboxStatus,
  type ParkedEvent,
  parkedEvents,
  pruneInbox,
  recordOnce,
  replayParked,
} from "./outbox/outbox.ts";
export type { ClaimedEvent, FailedTry, OutboxTable } from "./outbox/outbox-table.ts";
export { type Relay, type RelayOptions, startRelay, startTableRelay } from "./outbox/relay.ts";
export { outboxMigration } from "./outbox/schema.ts";
