import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { refusalOf } from "@tandem/libs/testing";
import { type AuthHouse, claims, organisation } from "../auth-house.suite.ts";

const email = "owner@example.com";
const password = "correct horse battery";

export function sessionSuite(house: () => AuthHouse): void {
  let address = 0;
  const signIn = (change: object = {}) => {
    address += 1;
    const remoteAddress = `10.0.0.${address}`;
    return house().first.signIn({ email, password, remoteAddress, ...change });
  };

  describe("SignIn and VerifySession", () => {
    test("ok: the token is good on either replica and stored nowhere", async () => {
      const made = await signIn({ email: " OWNER@example.com " });
      assert.deepEqual(made.identity?.roles, ["owner", "platform:owner"]);
      const { sessionToken } = made;
      const identity = await house().second.verifySession({ sessionToken });
      assert.equal(identity.organisationId, organisation);
      assert.ok(identity.permissions.includes("members:write"));
      assert.deepEqual(identity.scopes, [], "a session infers nothing");
      const rows = await house().database.selectFrom("sessions").selectAll().execute();
      assert.ok(!JSON.stringify(rows).includes(sessionToken));
    });

    test("refused alike: a wrong password, somebody who does not exist, no password set", async () => {
      house().people.set("new@example.com", "usr_without_password");
      assert.equal(await refusalOf(signIn({ password: "wrong" })), "auth.sign_in_refused");
      const nobody = signIn({ email: "nobody@example.com" });
      assert.equal(await refusalOf(nobody), "auth.sign_in_refused");
      assert.equal(await refusalOf(signIn({ email: "new@example.com" })), "auth.sign_in_refused");
      const long = signIn({ password: "x".repeat(100_000) });
      assert.equal(await refusalOf(long), "auth.sign_in_refused");
    });

    test("refused: an organisation without a role for oneself", async () => {
      assert.equal(await refusalOf(signIn({ organisationId: "org_b" })), "auth.no_access");
    });

    test("an idle session ends, and one in use at its absolute end", async () => {
      const { sessionToken } = await signIn();
      const verify = () => refusalOf(house().first.verifySession({ sessionToken }));
      house().skipMs(29 * 60_000);
      assert.equal(await verify(), "none");
      house().skipMs(29 * 60_000);
      assert.equal(await verify(), "none");
      house().skipMs(31 * 60_000);
      assert.equal(await verify(), "auth.session_ended");
      const busy = (await signIn()).sessionToken;
      let minutes = 0;
      while ((await refusalOf(house().first.verifySession({ sessionToken: busy }))) === "none") {
        house().skipMs(20 * 60_000);
        minutes += 20;
      }
      assert.equal(minutes, 12 * 60);
      house().skipMs(-(minutes + 89) * 60_000);
    });

    test("many guesses at once get five tries, then pauses; the right one waits with them", async () => {
      house().people.set("target@example.com", "usr_target");
      const guess = () => refusalOf(signIn({ email: "target@example.com", password: "guess" }));
      const answers = await Promise.all(Array.from({ length: 30 }, guess));
      const tried = answers.filter((reason) => reason === "auth.sign_in_refused");
      assert.ok(tried.length <= 7, `${tried.length} guesses were looked at`);
      assert.equal(await guess(), "auth.sign_in_blocked");
    });

    test("one address that tries many people is slowed down too", async () => {
      const guess = (index: number) =>
        refusalOf(signIn({ email: `p${index}@example.com`, remoteAddress: "203.0.113.9" }));
      const answers = await Promise.all(Array.from({ length: 40 }, (_, index) => guess(index)));
      assert.ok(answers.includes("auth.sign_in_blocked"));
    });
  });

  describe("SignOut", () => {
    test("ends the session everywhere and tells gateways; again it changes nothing", async () => {
      const { sessionToken, identity } = await signIn();
      const { sequence } = await house().first.watchRevocations({});
      await house().second.signOut({ sessionToken });
      const verified = house().first.verifySession({ sessionToken });
      assert.equal(await refusalOf(verified), "auth.session_ended");
      const news = await house().first.watchRevocations({ afterSequence: sequence, waitMs: 2_000 });
      assert.equal(news.revocations[0]?.sessionId, identity?.sessionId);
      assert.equal(await refusalOf(house().first.signOut({ sessionToken })), "none");
      assert.equal(await refusalOf(house().first.signOut({ sessionToken: "x" })), "none");
    });
  });

  describe("SetPassword", () => {
    const self = (identity: { userId: string; sessionId: string } | undefined) => ({
      caller: claims({
        userId: identity?.userId ?? "",
        sessionId: identity?.sessionId ?? "",
        keyId: "",
        roles: ["owner"],
      }),
    });

    test("ok: one's own, with the one before; other sessions end, this one stays", async () => {
      const here = await signIn();
      const there = await signIn();
      const userId = here.identity?.userId ?? "";
      const change = { userId, currentPassword: password, password: "a new and longer one" };
      await house().first.setPassword(change, self(here.identity));
      const verify = (sessionToken: string) =>
        refusalOf(house().second.verifySession({ sessionToken }));
      assert.equal(await verify(here.sessionToken), "none");
      assert.equal(await verify(there.sessionToken), "auth.session_ended");
      assert.equal(await refusalOf(signIn()), "auth.sign_in_refused");
      const back = { userId, currentPassword: "a new and longer one", password };
      await house().first.setPassword(back, self(here.identity));
    });

    test("refused: a wrong current one, another person's, with a key, or by an invitation", async () => {
      const { identity } = await signIn();
      const userId = identity?.userId ?? "";
      const set = (change: object, options: object) =>
        refusalOf(house().first.setPassword({ userId, password, ...change }, options));
      assert.equal(await set({}, self(identity)), "auth.password_wrong");
      assert.equal(await set({}, { caller: claims({ userId }) }), "auth.permission_missing");
      const other = { userId: "usr_other", currentPassword: password };
      assert.equal(await set(other, self(identity)), "auth.permission_missing");
      assert.equal(await set({}, {}), "auth.password_wrong");
      const short = { currentPassword: password, password: "short" };
      assert.equal(await set(short, self(identity)), "auth.password_refused");
    });

    test("the platform sets the first one", async () => {
      house().people.set("first@example.com", "usr_first");
      await house().first.setPassword({ userId: "usr_first", password: "twelve letters" });
      const first = { email: "first@example.com", password: "twelve letters" };
      assert.equal(await refusalOf(signIn(first)), "auth.no_access");
    });
  });
}
