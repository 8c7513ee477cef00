import type {
  ArticleVersion,
  GetVersionRequest,
  ListVersionsRequest,
  ListVersionsResponse,
} from "@tandem/contracts/rpc/articles/v1/articles_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { requireInsider } from "../authority.ts";
import { articlesFaults } from "../faults.ts";
import { versionMessage } from "../messages.ts";
import type { ArticlesParts } from "../parts.ts";
import { findArticle, findVersion, listVersions as listRows } from "../store/articles.ts";
import { pageOf, pageSize } from "../store/page.ts";

/** The history of an article, newest first; for those who see drafts. */
export async function listVersions(
  { database }: ArticlesParts,
  { organisationId, articleId, before, limit }: ListVersionsRequest,
  context: CallContext,
): Promise<MessageInit<ListVersionsResponse>> {
  requireInsider(context, organisationId, articlesFaults.article_not_found);
  const article = await findArticle(database, { organisationId, id: articleId }, "latest");
  if (article === undefined) throw articlesFaults.article_not_found();
  const size = pageSize(limit);
  const found = await listRows(database, { articleId, before, limit: size });
  const [rows, hasMore] = pageOf(found, size);
  return {
    versions: rows.map((row) => versionMessage(row, article.published_version)),
    hasMore,
  };
}

export async function getVersion(
  { database }: ArticlesParts,
  { organisationId, articleId, number }: GetVersionRequest,
  context: CallContext,
): Promise<MessageInit<ArticleVersion>> {
  requireInsider(context, organisationId, articlesFaults.article_not_found);
  const article = await findArticle(database, { organisationId, id: articleId }, "latest");
  if (article === undefined) throw articlesFaults.article_not_found();
  const version = await findVersion(database, articleId, number);
  if (version === undefined) throw articlesFaults.version_not_found();
  return versionMessage(version, article.published_version);
}
