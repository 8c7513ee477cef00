import type {
  Article,
  UnpublishArticleRequest,
} from "@tandem/contracts/rpc/articles/v1/articles_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { requireEditor } from "../authority.ts";
import { articlesFaults } from "../faults.ts";
import { articleMessage } from "../messages.ts";
import type { ArticlesParts } from "../parts.ts";
import { act } from "../store/action.ts";
import { findArticle, lockArticle, updateArticleRow } from "../store/articles.ts";
import { removePassages } from "../store/passages.ts";

/** Takes an article back: with the commit no reader sees it and no search finds it. */
export async function unpublishArticle(
  parts: ArticlesParts,
  { organisationId, id, expectedVersion }: UnpublishArticleRequest,
  context: CallContext,
): Promise<MessageInit<Article>> {
  requireEditor(context, organisationId, articlesFaults.article_not_found);
  const shown = await act(parts, context, async ({ tx, now, audit }) => {
    const article = await lockArticle(tx, { organisationId, id });
    if (article === undefined) throw articlesFaults.article_not_found();
    if (expectedVersion !== 0n && expectedVersion !== article.version) {
      throw articlesFaults.version_mismatch();
    }
    if (article.published_version !== 0) {
      await updateArticleRow(tx, id, {
        published_version: 0,
        published_at: null,
        updated_at: now,
        version: article.version + 1n,
      });
      await removePassages(tx, { organisationId, articleId: id });
      audit({
        ...{ organisationId, action: "article.unpublished", target: id },
        before: { version: article.published_version },
      });
    }
    return findArticle(tx, { organisationId, id }, "latest");
  });
  if (shown === undefined) throw articlesFaults.article_not_found();
  return articleMessage(shown);
}
