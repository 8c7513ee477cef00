import assert from "node:assert/strict";
import { migrate } from "@tandem/libs/store";
import { startTestPostgres } from "@tandem/libs/testing";
import { migrations } from "../store/migrations.ts";
import { verifyLedger } from "../store/verify.ts";
import { openTestBooks, type TestBooks } from "./scenario.ts";

/** Two replicas of the service on one new database. */
export interface TwinBooks {
  readonly books: TestBooks;
  readonly twin: TestBooks;
  /** One more on the same server, empty; its URL. */
  createDatabase(): Promise<string>;
  /** Whatever the tests did, the ledger must be right at the end. */
  close(): Promise<void>;
}

export async function openTwinBooks(): Promise<TwinBooks> {
  const postgres = await startTestPostgres();
  const url = await postgres.createDatabase();
  const books = openTestBooks(url);
  const twin = openTestBooks(url);
  await migrate(books.database, migrations);
  return {
    books,
    twin,
    createDatabase: () => postgres.createDatabase(),
    async close() {
      const { problems } = await verifyLedger(books);
      await books.database.destroy();
      await twin.database.destroy();
      await postgres.stop();
      assert.deepEqual(problems, []);
    },
  };
}
