import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as turn } from "node:timers/promises";
import { refusalOf } from "@tandem/libs/testing";
import { asPerson, type UsersHouse } from "../users-house.suite.ts";

export function peopleSuite(house: () => UsersHouse): void {
  let count = 0;
  /** An organisation with its owner. */
  const found = async () => {
    count += 1;
    const { first } = house();
    const { id } = await first.createOrganisation({ name: `People ${count}` });
    const email = `owner${count}@example.com`;
    const owner = await first.createUser({ organisationId: id, email, name: "O", role: "owner" });
    return { id, owner, as: asPerson(id, { userId: owner.id }) };
  };

  describe("people", () => {
    test("one address is one person, in whatever letters, and joins once", async () => {
      const { id } = await found();
      const { first, second } = house();
      const add = (client: typeof first, email: string) =>
        client.createUser({ organisationId: id, email, name: "", role: "developer" });
      const made = await Promise.all([
        add(first, "Kim@Example.com"),
        add(second, "kim@example.com"),
      ]);
      assert.equal(made[0]?.id, made[1]?.id);
      assert.equal((await first.findUserByEmail({ email: " KIM@example.com" })).id, made[0]?.id);
      const { members } = await first.listMembers({ organisationId: id });
      assert.equal(members.length, 2);
    });

    test("nobody but the platform may ask who exists, or add people", async () => {
      const { id, as } = await found();
      const { first } = house();
      const ask = first.findUserByEmail({ email: "kim@example.com" }, as);
      assert.equal(await refusalOf(ask), "users.platform_only");
      const add = first.createUser({ organisationId: id, email: "x@y.z", role: "owner" }, as);
      assert.equal(await refusalOf(add), "users.platform_only");
      const nobody = first.findUserByEmail({ email: "nobody@example.com" });
      assert.equal(await refusalOf(nobody), "users.user_not_found");
      assert.equal(await refusalOf(first.findUserByEmail({ email: "" })), "users.user_not_found");
    });

    test("one sees oneself and one's fellow members; others do not exist", async () => {
      const [here, there] = [await found(), await found()];
      const get = (id: string) => refusalOf(house().first.getUser({ id }, here.as));
      assert.equal(await get(here.owner.id), "none");
      assert.equal(await get(there.owner.id), "users.user_not_found");
      assert.equal(await get("usr_none"), "users.user_not_found");
      const organisations = await house().first.listOrganisations(
        { userId: here.owner.id },
        here.as,
      );
      assert.deepEqual(
        organisations.organisations.map(({ id }) => id),
        [here.id],
      );
      const curious = house().first.listOrganisations({ userId: there.owner.id }, here.as);
      assert.equal(await refusalOf(curious), "users.user_not_found");
    });

    test("one's preferences are one's own, and versions count", async () => {
      const [here, there] = [await found(), await found()];
      const { first } = house();
      const wanted = { ...here.owner, language: "fr", theme: "dark", timeZone: "Europe/Paris" };
      const changed = await first.updateUser({ user: wanted, expectedVersion: 1n }, here.as);
      assert.deepEqual([changed.language, changed.version], ["fr", 2n]);
      const update = (user: object, as: typeof here.as, expectedVersion = 0n) =>
        refusalOf(first.updateUser({ user: { ...wanted, ...user }, expectedVersion }, as));
      assert.equal(await update({}, here.as, 1n), "users.version_mismatch");
      assert.equal(await update({}, there.as), "users.user_not_found");
      assert.equal(await update({ theme: "pink" }, here.as), "users.malformed");
      assert.equal(await update({ timeZone: "Mars" }, here.as), "users.malformed");
      const email = { ...wanted, email: "other@example.com" };
      assert.equal((await first.updateUser({ user: email }, here.as)).email, here.owner.email);
    });

    test("a removed member is gone, may come back, and removing twice answers alike", async () => {
      const { id, as } = await found();
      const { first } = house();
      const add = { organisationId: id, email: "lee@example.com", role: "viewer" };
      const lee = await first.createUser(add);
      const member = { organisationId: id, userId: lee.id };
      const gone = await first.removeMember(member, as);
      assert.deepEqual(await first.removeMember(member, as), gone);
      assert.equal((await first.listMembers({ organisationId: id }, as)).members.length, 1);
      assert.equal(await refusalOf(first.getUser({ id: lee.id }, as)), "users.user_not_found");
      await first.createUser({ ...add, role: "developer" });
      const { members } = await first.listMembers({ organisationId: id }, as);
      assert.equal(members.find(({ userId }) => userId === lee.id)?.role, "developer");
      const stranger = first.removeMember({ organisationId: id, userId: "usr_none" }, as);
      assert.equal(await refusalOf(stranger), "users.member_not_found");
      const foreign = first.removeMember(member, (await found()).as);
      assert.equal(await refusalOf(foreign), "users.member_not_found");
    });
  });

  describe("invitations", () => {
    const invite = async (more: object = {}) => {
      const here = await found();
      const email = `guest${count}@example.com`;
      const request = { organisationId: here.id, email, role: "developer", ...more };
      const made = await house().first.createInvitation(request, here.as);
      return { ...here, email, request, token: made.token, invitation: made.invitation };
    };

    test("ok: the token joins its holder; until completed it answers alike, then nothing", async () => {
      const { token, id, email } = await invite();
      const { first, second } = house();
      const joined = await first.acceptInvitation({ token, name: "Guest" });
      assert.deepEqual(
        [joined.organisationId, joined.email, joined.role],
        [id, email, "developer"],
      );
      assert.deepEqual(await second.acceptInvitation({ token, name: "Guest" }), joined);
      await first.completeInvitation({ token });
      await second.completeInvitation({ token });
      const again = first.acceptInvitation({ token, name: "Guest" });
      assert.equal(await refusalOf(again), "users.invitation_refused");
    });

    test("accepted by ten at once it makes one member", async () => {
      const { token, id } = await invite();
      const { first, second } = house();
      const calls = Array.from({ length: 10 }, (_, index) =>
        (index % 2 ? first : second).acceptInvitation({ token, name: "Guest" }),
      );
      const joined = await Promise.all(calls);
      assert.equal(new Set(joined.map(({ userId }) => userId)).size, 1);
      assert.equal((await first.listMembers({ organisationId: id })).members.length, 2);
    });

    test("refused alike: a wrong token, an expired one, one taken back, one replaced", async () => {
      const { first } = house();
      const accept = (token: string) => refusalOf(first.acceptInvitation({ token, name: "Guest" }));
      assert.equal(await accept("guess"), "users.invitation_refused");
      const late = await invite();
      house().skipMs(8 * 24 * 3_600_000);
      assert.equal(await accept(late.token), "users.invitation_refused");
      house().skipMs(-8 * 24 * 3_600_000);
      const back = await invite();
      const id = back.invitation?.id ?? "";
      await first.revokeInvitation({ organisationId: back.id, id }, back.as);
      await first.revokeInvitation({ organisationId: back.id, id }, back.as);
      assert.equal(await accept(back.token), "users.invitation_refused");
      const old = await invite();
      const renewed = await first.createInvitation(old.request, old.as);
      assert.equal(await accept(old.token), "users.invitation_refused");
      assert.equal(await accept(renewed.token), "none");
    });

    test("repeated after a lost answer there is one invitation, with a new token", async () => {
      const { token, request, as, invitation } = await invite({ idempotencyKey: "i1" });
      const again = await house().second.createInvitation(request, as);
      assert.equal(again.invitation?.id, invitation?.id);
      const { first } = house();
      const accept = (text: string) =>
        refusalOf(first.acceptInvitation({ token: text, name: "G" }));
      assert.equal(await accept(token), "users.invitation_refused");
      assert.equal(await accept(again.token), "none");
      assert.equal((await first.createInvitation(request, as)).token, "");
    });

    test("refused: a member, a malformed address, another organisation, who may only look", async () => {
      const { id, owner, as } = await found();
      const create = (change: object, options: typeof as) =>
        refusalOf(
          house().first.createInvitation(
            { organisationId: id, email: "new@example.com", role: "viewer", ...change },
            options,
          ),
        );
      assert.equal(await create({ email: owner.email }, as), "users.already_member");
      assert.equal(await create({ email: "x" }, as), "users.malformed");
      assert.equal(await create({ role: "Big Boss" }, as), "users.malformed");
      assert.equal(await create({}, asPerson("org_b")), "users.organisation_not_found");
      const viewer = asPerson(id, { roles: ["viewer"] });
      assert.equal(await create({}, viewer), "users.permission_missing");
    });

    test("an accepted one cannot be taken back; another organisation's does not exist", async () => {
      const { token, id, as, invitation } = await invite();
      const { first } = house();
      const revoke = (options: typeof as) =>
        refusalOf(
          first.revokeInvitation({ organisationId: id, id: invitation?.id ?? "" }, options),
        );
      assert.equal(await revoke(asPerson("org_b")), "users.invitation_not_found");
      await first.acceptInvitation({ token, name: "Guest" });
      assert.equal(await revoke(as), "users.invitation_closed");
      const { invitations } = await first.listInvitations({ organisationId: id }, as);
      assert.ok((invitations[0]?.acceptedAtMs ?? 0n) > 0n);
      const list = first.listInvitations({ organisationId: id }, asPerson("org_b"));
      assert.equal(await refusalOf(list), "users.organisation_not_found");
    });
  });

  describe("the audit log", () => {
    test("is told of every change, also of one made while it was away", async () => {
      const { id, as } = await found();
      house().auditIsAway = true;
      const request = { organisationId: id, name: "while away" };
      await house().first.createProject(request, as);
      await turn(50);
      const before = house().told.length;
      house().auditIsAway = false;
      const deadline = Date.now() + 15_000;
      const isTold = (): boolean =>
        house()
          .told.slice(before)
          .some(({ action }) => action === "project.created");
      while (!isTold()) {
        assert.ok(Date.now() < deadline, "told within seconds of its return");
        await turn(20);
      }
      const own = house().told.find(({ actor }) => actor.startsWith(as.caller.userId));
      assert.equal(own?.actor, `${as.caller.userId}/ses_1`);
    });
  });
}
