import type { Article, PublishArticleRequest } from "@tandem/contracts/rpc/articles/v1/articles_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { requireEditor } from "../authority.ts";
import { articlesFaults } from "../faults.ts";
import { articleMessage } from "../messages.ts";
import type { ArticlesParts } from "../parts.ts";
import { type Action, act } from "../store/action.ts";
import { findArticle, findVersion, lockArticle, updateArticleRow } from "../store/articles.ts";
import { indexArticle } from "../store/passages.ts";

/** Makes a version the one that readers see and search finds; an older one, too. */
export async function publishArticle(
  parts: ArticlesParts,
  request: PublishArticleRequest,
  context: CallContext,
): Promise<MessageInit<Article>> {
  const { organisationId, id, number, expectedVersion } = request;
  requireEditor(context, organisationId, articlesFaults.article_not_found);
  const published = await act(parts, context, async (action) => {
    await publishVersion(parts, action, { organisationId, id, number, expectedVersion });
    return findArticle(action.tx, { organisationId, id }, "latest");
  });
  if (published === undefined) throw articlesFaults.article_not_found();
  parts.wakeFiller();
  return articleMessage(published);
}

/** Within a change: its passages are there with the commit, their vectors soon after. */
export async function publishVersion(
  { database }: ArticlesParts,
  { tx, now, audit }: Action,
  given: {
    readonly organisationId: string;
    readonly id: string;
    /** 0: the newest. */
    readonly number: number;
    readonly expectedVersion?: bigint;
  },
): Promise<void> {
  const { organisationId, id, expectedVersion = 0n } = given;
  const article = await lockArticle(tx, { organisationId, id });
  if (article === undefined) throw articlesFaults.article_not_found();
  if (expectedVersion !== 0n && expectedVersion !== article.version) {
    throw articlesFaults.version_mismatch();
  }
  const number = given.number || article.latest_version;
  const version = await findVersion(tx, id, number);
  if (version === undefined) throw articlesFaults.version_not_found();
  await updateArticleRow(tx, id, {
    published_version: number,
    published_at: now,
    updated_at: now,
    version: article.version + 1n,
  });
  const { title, language, body } = version;
  await indexArticle(tx, database.world, {
    ...{ organisationId, articleId: id, articleVersion: number, title, language, body },
  });
  audit({
    ...{ organisationId, action: "article.published", target: id },
    before: { version: article.published_version },
    after: { version: number },
  });
}
