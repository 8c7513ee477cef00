import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { refusalOf } from "@tandem/libs/testing";
import {
  type ArticlesHouse,
  asEditor,
  asKey,
  projectA,
  projectB,
} from "../articles-house.suite.ts";

const organisationId = "org_rules";
const editor = asEditor(organisationId);

export function rulesSuite(house: () => ArticlesHouse): void {
  const put = (part: object, expectedVersion = 0n) =>
    house().first.putRule(
      { rule: { organisationId, projectId: projectA, limit: 3, ...part }, expectedVersion },
      editor,
    );

  describe("rules of projects", () => {
    test("a change reaches who watches the other replica, in one version for both", async () => {
      const { first, second } = house();
      const before = await second.watchRules({});
      const waiting = second.watchRules(
        { afterVersion: before.version, waitMs: 10_000 },
        { deadlineMs: 12_000 },
      );
      const made = await put({ models: ["qwen*"] });
      const told = await waiting;
      assert.ok(told.version > before.version);
      const rule = told.rules.find((one) => one.organisationId === organisationId);
      assert.deepEqual([rule?.projectId, rule?.limit, rule?.models], [projectA, 3, ["qwen*"]]);
      assert.equal(made.version, 1n);
      const same = await first.watchRules({ afterVersion: told.version - 1n, waitMs: 10_000 });
      assert.equal(same.version, told.version);
      const own = first.watchRules({}, editor);
      assert.equal(await refusalOf(own), "articles.platform_only");
    });

    test("a rule is changed from its version, and deleted", async () => {
      const { first } = house();
      await put({ projectId: projectB });
      assert.equal(await refusalOf(put({ projectId: projectB }, 9n)), "articles.version_mismatch");
      assert.equal((await put({ projectId: projectB, limit: 5 }, 1n)).version, 2n);
      const { rules } = await first.listRules({ organisationId }, editor);
      assert.ok(rules.some(({ projectId, limit }) => projectId === projectB && limit === 5));
      await first.deleteRule({ organisationId, projectId: projectB }, editor);
      const again = first.deleteRule({ organisationId, projectId: projectB }, editor);
      assert.equal(await refusalOf(again), "articles.rule_not_found");
    });

    test("what is no rule is refused; another organisation's rules do not exist", async () => {
      const { first } = house();
      for (const part of [
        { projectId: "prj_1" },
        { limit: 0 },
        { limit: 21 },
        { models: ["no model"] },
      ]) {
        assert.equal(await refusalOf(put(part)), "articles.malformed");
      }
      const foreign = asEditor("org_other");
      const list = first.listRules({ organisationId }, foreign);
      assert.equal(await refusalOf(list), "articles.organisation_not_found");
      const remove = first.deleteRule({ organisationId, projectId: projectA }, foreign);
      assert.equal(await refusalOf(remove), "articles.rule_not_found");
      const key = first.listRules({ organisationId }, asKey(organisationId));
      assert.equal(await refusalOf(key), "articles.organisation_not_found");
    });
  });
}
