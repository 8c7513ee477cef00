/**
 * Where state lives: a service's PostgreSQL database with its schema changes, notifications and
 * event outbox; the hot store for what is shared, short-lived and fast (limits, leases, caches,
 * messages between replicas); and the local journal for what must survive kill -9 before anybody
 * else has it. Every store fails with the faults of `storeFaults`, within a bounded time, and comes
 * back by itself when what it stands on comes back. What each promises is in README.md.
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
  type HotChange,
  type HotDemand,
  type HotEntry,
  type HotStore,
  type HotSubscription,
  hotKey,
  type MessageHandlers,
  type TakeResult,
  type TimeToLive,
} from "./hot/hot-store.ts";
export { type HotStoreOptions, hotStorePort, openHotStore } from "./hot/open-hot-store.ts";
export type { JournalRecord } from "./journal/frame.ts";
export { type Journal, type JournalOptions, openJournal } from "./journal/journal.ts";
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
