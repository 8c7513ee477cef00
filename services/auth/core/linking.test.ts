import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decideLink, isOfDomains } from "./linking.ts";

const accounts = fc.option(
  fc.record({ userId: fc.constantFrom("usr_1", "usr_2"), hasPassword: fc.boolean() }),
  { nil: undefined },
);
const wishes = fc.option(
  fc.record({
    userId: fc.constantFrom("usr_1", "usr_2"),
    email: fc.constantFrom("a@x.test", "b@x.test"),
  }),
  { nil: undefined },
);
const words = fc.record({
  email: fc.constantFrom("", "a@x.test", "b@x.test"),
  isEmailVerified: fc.boolean(),
  linkedUserId: fc.constantFrom(undefined, "usr_1", "usr_2"),
});

test("nobody new gets into an account but by a verified address and with its owner's consent", () => {
  fc.assert(
    fc.property(words, accounts, wishes, fc.boolean(), (word, account, wish, mayJoin) => {
      const decision = decideLink(word, { account, wish, mayJoin });
      if (decision.kind === "known") {
        assert.equal(decision.userId, word.linkedUserId);
        assert.ok(wish === undefined || wish.userId === decision.userId);
      }
      if (decision.kind === "link" || decision.kind === "join") {
        assert.equal(word.linkedUserId, undefined);
        assert.ok(word.isEmailVerified && word.email !== "");
      }
      if (decision.kind === "join") assert.ok(mayJoin && account === undefined);
      if (decision.kind !== "link") return;
      const byWish = wish?.userId === decision.userId && wish.email === word.email;
      const byAddress =
        wish === undefined && account?.userId === decision.userId && !account.hasPassword;
      assert.ok(byWish || byAddress);
    }),
  );
});

test("a domain is the whole part behind the last @", () => {
  assert.ok(isOfDomains("a@corp.test", ["other.test", "Corp.Test"]));
  assert.ok(isOfDomains("a@anything.test", []));
  assert.ok(!isOfDomains("a@evilcorp.test", ["corp.test"]));
  assert.ok(!isOfDomains("a@corp.test@evil.test", ["corp.test"]));
});
