import assert from "node:assert/strict";
import { test } from "node:test";
import pg from "pg";
import { databaseUrlFor } from "./database-url.ts";

const target = { user: "tandem_auth", password: "p@ss:w/or?d#%", database: "tandem_auth" };

function parsed(url: string) {
  const { user, password, host, port, database, ssl } = new pg.Client({ connectionString: url });
  return { user, password, host, port, database, ssl: ssl !== false };
}

test("a URL for another database keeps server and settings, as the driver reads them", () => {
  const cases: readonly (readonly [string, object])[] = [
    ["postgres://root:x@db.example:6432/postgres", { host: "db.example", port: 6432 }],
    ["postgresql://root@db.example/postgres", { host: "db.example", port: 5432 }],
    ["postgres://db.example", { host: "db.example", port: 5432 }],
    ["postgres://root:x@[::1]:7000/a", { host: "::1", port: 7000 }],
    ["postgres://root:x@/postgres?host=/run/pg&port=5433", { host: "/run/pg", port: 5433 }],
    ["postgres://root:x@/a?host=%2Frun%2Fpg+x&user=other", { host: "/run/pg x", port: 5432 }],
    ["postgres://root:x@h/a?sslmode=no-verify", { host: "h", port: 5432, ssl: true }],
  ];
  for (const [url, server] of cases) {
    assert.deepEqual(parsed(databaseUrlFor(url, target)), { ssl: false, ...target, ...server });
  }
});

test("what is no PostgreSQL URL is refused without being quoted", () => {
  for (const url of ["mysql://u:secret@h/d", "secret", "postgres:secret"]) {
    assert.throws(
      () => databaseUrlFor(url, target),
      (error) => error instanceof Error && !error.message.includes("secret"),
    );
  }
});
