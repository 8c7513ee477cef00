import type {
  DeleteRuleRequest,
  ListRulesRequest,
  ListRulesResponse,
  PutRuleRequest,
  Rule,
  RuleSnapshot,
  WatchRulesRequest,
} from "@tandem/contracts/rpc/articles/v1/articles_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { requireEditor, requireInsider, requirePlatform } from "../authority.ts";
import { problemOfProjects } from "../core/article-fields.ts";
import { articlesFaults } from "../faults.ts";
import { ruleMessage } from "../messages.ts";
import type { ArticlesParts } from "../parts.ts";
import { act } from "../store/action.ts";
import { lockRule, raiseRules, rulesOf } from "../store/rules.ts";

const passagesMax = 20;
const modelsMax = 50;
const modelPattern = /^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}\*?$|^\*$/;

/** Has a project's chats get articles without asking; it holds within seconds, everywhere. */
export async function putRule(
  parts: ArticlesParts,
  { rule, expectedVersion }: PutRuleRequest,
  context: CallContext,
): Promise<MessageInit<Rule>> {
  const organisationId = rule?.organisationId ?? "";
  requireEditor(context, organisationId, articlesFaults.organisation_not_found);
  if (rule === undefined) throw articlesFaults.malformed();
  const { projectId, limit, models } = rule;
  const problem = problemOfProjects([projectId]) ?? problemOfRule(limit, models);
  if (problem !== undefined) throw articlesFaults.malformed({ publicMessage: problem });
  return act(parts, context, async ({ tx, audit }) => {
    const place = { organisationId, projectId };
    const before = await lockRule(tx, place);
    if (expectedVersion !== 0n && expectedVersion !== (before?.version ?? 0n)) {
      throw articlesFaults.version_mismatch();
    }
    const row = {
      organisation_id: organisationId,
      project_id: projectId,
      passages: limit,
      models,
      version: (before?.version ?? 0n) + 1n,
    };
    await tx
      .insertInto("rules")
      .values(row)
      .onConflict((conflict) =>
        conflict
          .columns(["organisation_id", "project_id"])
          .doUpdateSet({ passages: limit, models, version: row.version }),
      )
      .execute();
    await raiseRules(tx);
    audit({
      ...{ organisationId, action: "article_rule.put", target: projectId },
      after: { passages: limit, models },
    });
    return ruleMessage(row);
  });
}

function problemOfRule(limit: number, models: readonly string[]): string | undefined {
  if (limit < 1 || limit > passagesMax) return `A rule gives 1 to ${passagesMax} passages.`;
  if (models.length > modelsMax) return `A rule names at most ${modelsMax} models.`;
  const model = models.find((text) => !modelPattern.test(text));
  return model === undefined ? undefined : `"${model.slice(0, 40)}" is no model id or prefix*.`;
}

export async function deleteRule(
  parts: ArticlesParts,
  { organisationId, projectId }: DeleteRuleRequest,
  context: CallContext,
): Promise<MessageInit<Rule>> {
  requireEditor(context, organisationId, articlesFaults.rule_not_found);
  return act(parts, context, async ({ tx, audit }) => {
    const before = await lockRule(tx, { organisationId, projectId });
    if (before === undefined) throw articlesFaults.rule_not_found();
    await tx
      .deleteFrom("rules")
      .where("organisation_id", "=", organisationId)
      .where("project_id", "=", projectId)
      .execute();
    await raiseRules(tx);
    audit({ organisationId, action: "article_rule.deleted", target: projectId });
    return ruleMessage(before);
  });
}

export async function listRules(
  { database }: ArticlesParts,
  { organisationId }: ListRulesRequest,
  context: CallContext,
): Promise<MessageInit<ListRulesResponse>> {
  requireInsider(context, organisationId, articlesFaults.organisation_not_found);
  return { rules: (await rulesOf(database, organisationId)).map(ruleMessage) };
}

/** The rules of all projects, for a gateway that holds them. */
export async function watchRules(
  { rules }: ArticlesParts,
  { afterVersion, waitMs }: WatchRulesRequest,
  context: CallContext,
): Promise<MessageInit<RuleSnapshot>> {
  requirePlatform(context);
  const version = await rules.feed.wait(afterVersion, { waitMs, onAbandon: context.onAbandon });
  return { version, rules: rules.rules.map(ruleMessage) };
}
