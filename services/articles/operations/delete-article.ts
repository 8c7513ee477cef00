import type { Article, DeleteArticleRequest } from "@tandem/contracts/rpc/articles/v1/articles_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { requireEditor } from "../authority.ts";
import { articlesFaults } from "../faults.ts";
import { articleMessage } from "../messages.ts";
import type { ArticlesParts } from "../parts.ts";
import { act } from "../store/action.ts";
import { findArticle, lockArticle } from "../store/articles.ts";
import { touchLibrary } from "../store/library.ts";

/** Deletes an article with its versions, attachments and passages, for good. */
export function deleteArticle(
  parts: ArticlesParts,
  { organisationId, id, expectedVersion }: DeleteArticleRequest,
  context: CallContext,
): Promise<MessageInit<Article>> {
  requireEditor(context, organisationId, articlesFaults.article_not_found);
  return act(parts, context, async ({ tx, audit }) => {
    const article = await lockArticle(tx, { organisationId, id });
    if (article === undefined) throw articlesFaults.article_not_found();
    if (expectedVersion !== 0n && expectedVersion !== article.version) {
      throw articlesFaults.version_mismatch();
    }
    const shown = await findArticle(tx, { organisationId, id }, "latest");
    if (shown === undefined) throw articlesFaults.article_not_found();
    await tx.deleteFrom("articles").where("id", "=", id).execute();
    await touchLibrary(tx, organisationId);
    audit({
      ...{ organisationId, action: "article.deleted", target: id },
      before: { title: shown.title, versions: article.latest_version },
    });
    return articleMessage(shown);
  });
}
