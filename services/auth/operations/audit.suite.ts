import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { sql } from "@tandem/libs/store";
import { refusalOf } from "@tandem/libs/testing";
import { type AuthHouse, claims, organisation } from "../auth-house.suite.ts";

const admin = { caller: claims() };

/** Runs last: what the others did is in the log. */
export function auditSuite(house: () => AuthHouse): void {
  describe("the audit log", () => {
    test("has an entry for every change of rights, in an unbroken chain", async () => {
      const verdict = await house().first.verifyAudit({}, admin);
      assert.equal(verdict.ok, true);
      assert.ok(verdict.entries > 50n);
      const actions = await house()
        .database.selectFrom("audit_entries")
        .select("action")
        .distinct()
        .execute();
      const seen = new Set(actions.map(({ action }) => action));
      for (const action of [
        "setup.redeemed",
        "key.created",
        "key.updated",
        "key.rotated",
        "key.revoked",
        "role.granted",
        "role.revoked",
        "session.opened",
        "session.ended",
        "password.changed",
      ]) {
        assert.ok(seen.has(action), action);
      }
    });

    test("is read newest first, in pages, within one's organisation", async () => {
      const page = await house().first.listAudit({ organisationId: organisation, limit: 2 }, admin);
      const [first, second] = page.entries;
      assert.ok(page.hasMore && first !== undefined && second !== undefined);
      const query = { organisationId: organisation, limit: 2, beforeSequence: second.sequence };
      const next = await house().second.listAudit(query, admin);
      assert.ok((next.entries[0]?.sequence ?? 0n) < second.sequence);
      const list = (options: object) =>
        refusalOf(house().first.listAudit({ organisationId: organisation }, options));
      const stranger = { caller: claims({ organisationId: "org_b" }) };
      assert.equal(await list(stranger), "auth.permission_missing");
      assert.equal(
        await list({ caller: claims({ scopes: ["inference"] }) }),
        "auth.permission_missing",
      );
    });

    test("takes what other services did, each event once", async () => {
      const entry = {
        organisationId: organisation,
        actor: "usr_1/key_1",
        action: "project.created",
        target: "prj_9",
        afterJson: '{"name":"x"}',
        requestId: "req_1",
        atMs: 1_795_000_000_000n,
      };
      const told = await Promise.all(
        Array.from({ length: 5 }, () => house().first.recordAudit({ entry, eventId: "evt_1" })),
      );
      assert.equal(new Set(told.map(({ sequence }) => sequence)).size, 1);
      assert.deepEqual([told[0]?.actor, told[0]?.atMs], ["usr_1/key_1", entry.atMs]);
      const call = house().first.recordAudit({ entry, eventId: "evt_2" }, admin);
      assert.equal(await refusalOf(call), "auth.platform_only");
    });

    test("cannot be changed, shortened or emptied through the database's own statements", async () => {
      const { database } = house();
      for (const statement of [
        sql`update audit_entries set actor = 'nobody'`,
        sql`delete from audit_entries where sequence = 1`,
        sql`truncate audit_entries`,
      ]) {
        await assert.rejects(statement.execute(database), /append-only/);
      }
    });

    test("tells where it was tampered with by somebody who took the guards away", async () => {
      const { database, first } = house();
      await sql`alter table audit_entries disable trigger all`.execute(database);
      const { rows } = await sql<{ actor: string }>`
        select actor from audit_entries where sequence = 7`.execute(database);
      await sql`update audit_entries set actor = 'nobody' where sequence = 7`.execute(database);
      const changed = await first.verifyAudit({}, admin);
      assert.deepEqual([changed.ok, changed.brokenAtSequence], [false, 7n]);
      const actor = rows[0]?.actor ?? "";
      await sql`update audit_entries set actor = ${actor} where sequence = 7`.execute(database);
      assert.equal((await first.verifyAudit({}, admin)).ok, true);
      await sql`delete from audit_entries where sequence = (select max(sequence) from audit_entries)`.execute(
        database,
      );
      assert.equal((await first.verifyAudit({}, admin)).ok, false);
    });
  });
}
