import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { migrate, openDatabase, sql } from "@tandem/libs/store";
import { createLog } from "@tandem/libs/telemetry";
import { realWorld } from "@tandem/libs/world";
import { type ArticlesHouse, openArticlesHouse } from "./articles-house.suite.ts";
import { articleSuite } from "./operations/articles.suite.ts";
import { attachmentSuite } from "./operations/attachments.suite.ts";
import { importSuite } from "./operations/import.suite.ts";
import { rulesSuite } from "./operations/rules.suite.ts";
import { searchSuite } from "./operations/search.suite.ts";
import { tenantSuite } from "./operations/tenants.suite.ts";
import { migrations, type Schema } from "./store/schema.ts";

let opened: ArticlesHouse;

before(async () => {
  opened = await openArticlesHouse();
});

after(() => opened.close());

const house = (): ArticlesHouse => opened;

articleSuite(house);
attachmentSuite(house);
importSuite(house);
rulesSuite(house);
searchSuite(house);
tenantSuite(house);

test("the schema goes back to nothing and forward again", async () => {
  const world = realWorld();
  const log = createLog({ level: "error", fields: {}, write: () => undefined });
  const url = await opened.postgres.createDatabase();
  const database = openDatabase<Schema>(url, { world, log, poolSize: 2 });
  const tables = async (): Promise<number> => {
    const { rows } = await sql<{ count: bigint }>`
      select count(*) as count from information_schema.tables
      where table_schema = 'public' and table_name not like 'kysely%'`.execute(database);
    return Number(rows[0]?.count ?? 0n);
  };
  try {
    await migrate(database, migrations);
    const all = await tables();
    await migrate(database, migrations, { to: "none" });
    assert.equal(await tables(), 0);
    await migrate(database, migrations);
    assert.equal(await tables(), all);
  } finally {
    await database.destroy();
  }
});
