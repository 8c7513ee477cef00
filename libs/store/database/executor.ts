import type { RawBuilder } from "kysely";

/** A database or a transaction of any schema: what raw SQL can be executed on. */
export type Executor = Parameters<RawBuilder<unknown>["execute"]>[0];
