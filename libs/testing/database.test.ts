import assert from "node:assert/strict";
import { test } from "node:test";
import pg from "pg";
import { startTestPostgres } from "./database.ts";

test("what was committed is there after a kill and a start", async () => {
  const postgres = await startTestPostgres();
  try {
    const url = await postgres.createDatabase();
    const before = new pg.Client({ connectionString: url });
    before.on("error", () => {});
    await before.connect();
    await before.query("create table kept (n int)");
    await before.query("insert into kept values (7)");
    await postgres.kill();
    await postgres.start();
    const after = new pg.Client({ connectionString: url });
    await after.connect();
    assert.deepEqual((await after.query("select n from kept")).rows, [{ n: 7 }]);
    await after.end();
    assert.notEqual(await postgres.createDatabase(), url);
  } finally {
    await postgres.stop();
  }
});
