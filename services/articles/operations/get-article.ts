import type { Article, GetArticleRequest } from "@tandem/contracts/rpc/articles/v1/articles_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { readerOf, requireMember } from "../authority.ts";
import { mayRead, seesEverything } from "../core/visibility.ts";
import { articlesFaults } from "../faults.ts";
import { articleMessage, readerMessage } from "../messages.ts";
import type { ArticlesParts } from "../parts.ts";
import { findArticle, type ShownArticle } from "../store/articles.ts";

/** The newest version to those who see everything, the published one to readers. */
export async function getArticle(
  { database }: ArticlesParts,
  { organisationId, id, published }: GetArticleRequest,
  context: CallContext,
): Promise<MessageInit<Article>> {
  requireMember(context, organisationId, articlesFaults.article_not_found);
  const place = { organisationId, id };
  const isInsider = seesEverything(context.passport);
  const row = await findArticle(database, place, isInsider && !published ? "latest" : "published");
  if (row === undefined) throw articlesFaults.article_not_found();
  if (isInsider) return articleMessage(row);
  if (!isReadable(row, context)) throw articlesFaults.article_not_found();
  return readerMessage(row);
}

export function isReadable(row: ShownArticle, context: CallContext): boolean {
  const { organisation_id, project_ids, published_version } = row;
  const isPublished = published_version > 0;
  const article = { organisationId: organisation_id, projectIds: project_ids, isPublished };
  return mayRead(article, readerOf(context));
}
