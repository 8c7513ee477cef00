import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { migrate, openDatabase, sql } from "@tandem/libs/store";
import { createLog } from "@tandem/libs/telemetry";
import { startTestPostgres } from "@tandem/libs/testing";
import { realWorld } from "@tandem/libs/world";
import { createCredentialCipher } from "./credential-cipher.ts";
import { migrations, type Schema } from "./migrations.ts";
import { resealCredentials } from "./upstream-store.ts";

const former = createCredentialCipher(Buffer.alloc(0));
const cipher = createCredentialCipher(randomBytes(32));

test("what a former secret sealed is sealed anew, once, and all else is left alone", async () => {
  const postgres = await startTestPostgres();
  const log = createLog({ level: "error", fields: {}, write: () => undefined });
  const url = await postgres.createDatabase();
  const database = openDatabase<Schema>(url, { world: realWorld(), log, poolSize: 2 });
  try {
    await migrate(database, migrations);
    const stranger = createCredentialCipher(randomBytes(32));
    const sealedBy = { old: former, new: cipher, strange: stranger, none: undefined };
    for (const [name, by] of Object.entries(sealedBy)) {
      await sql`insert into upstreams values (${name}, 'vllm', 'http://x',
        ${by?.seal(`sk-${name}`, name) ?? null}, 'primary', 1, 1, 1, 1, true, true, '[]', 1)
      `.execute(database);
    }
    const counts = await Promise.all(
      [1, 2].map(() => resealCredentials(database, { cipher, former })),
    );
    assert.ok(counts.every((count) => count <= 1) && counts.some((count) => count === 1));
    assert.equal(await resealCredentials(database, { cipher, former }), 0);
    const { rows } = await sql<{ name: string; sealed: Buffer | null }>`
      select name, api_key as sealed from upstreams order by name`.execute(database);
    const sealed = new Map(rows.map((row) => [row.name, row.sealed]));
    const of = (name: string): Buffer => sealed.get(name) ?? Buffer.alloc(0);
    assert.equal(cipher.open(of("old"), "old"), "sk-old");
    assert.equal(cipher.open(of("new"), "new"), "sk-new");
    assert.equal(stranger.open(of("strange"), "strange"), "sk-strange");
    assert.equal(sealed.get("none"), null);
    assert.throws(() => former.open(of("old"), "old"));
  } finally {
    await database.destroy();
    await postgres.stop();
  }
});
