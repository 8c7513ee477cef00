import type { Article, UpdateArticleRequest } from "@tandem/contracts/rpc/articles/v1/articles_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { authorOf, requireEditor } from "../authority.ts";
import { type ArticleFields, cleanTitle, problemOfArticle } from "../core/article-fields.ts";
import { articlesFaults } from "../faults.ts";
import { articleMessage } from "../messages.ts";
import type { ArticlesParts } from "../parts.ts";
import { type Action, act } from "../store/action.ts";
import {
  type ArticleRow,
  findArticle,
  findVersion,
  insertVersion,
  lockArticle,
  updateArticleRow,
  type VersionRow,
} from "../store/articles.ts";
import { touchLibrary } from "../store/library.ts";

/**
 * Changes an article. A new title, language or text is a new version, a draft until it is
 * published; tags and projects hold at once.
 */
export async function updateArticle(
  parts: ArticlesParts,
  request: UpdateArticleRequest,
  context: CallContext,
): Promise<MessageInit<Article>> {
  const { organisationId, id, expectedVersion } = request;
  requireEditor(context, organisationId, articlesFaults.article_not_found);
  const changed = await act(parts, context, async (action) => {
    const article = await lockArticle(action.tx, { organisationId, id });
    if (article === undefined) throw articlesFaults.article_not_found();
    if (expectedVersion !== 0n && expectedVersion !== article.version) {
      throw articlesFaults.version_mismatch();
    }
    const newest = await findVersion(action.tx, id, article.latest_version);
    if (newest === undefined) throw articlesFaults.version_not_found();
    const fields = {
      title: cleanTitle(request.title ?? newest.title),
      language: request.language ?? newest.language,
      body: request.body ?? newest.body,
      tags: request.tags?.values ?? article.tags,
      projectIds: request.projectIds?.values ?? article.project_ids,
    };
    const problem = problemOfArticle(fields);
    if (problem !== undefined) throw articlesFaults.malformed({ publicMessage: problem });
    await applyChange(action, { article, newest, fields, author: authorOf(context) });
    return findArticle(action.tx, { organisationId, id }, "latest");
  });
  if (changed === undefined) throw articlesFaults.article_not_found();
  return articleMessage(changed);
}

/** Writes what differs; true when something does. */
export async function applyChange(
  { tx, now, audit }: Action,
  given: {
    readonly article: ArticleRow;
    readonly newest: VersionRow;
    readonly fields: ArticleFields;
    readonly author: string;
  },
): Promise<boolean> {
  const { article, newest, fields, author } = given;
  const { title, language, body, tags, projectIds } = fields;
  const isRewritten =
    title !== newest.title || language !== newest.language || body !== newest.body;
  const isShared = !isSame(projectIds, article.project_ids);
  if (!isRewritten && !isShared && isSame(tags, article.tags)) return false;
  const number = article.latest_version + (isRewritten ? 1 : 0);
  if (isRewritten) {
    await insertVersion(tx, {
      article_id: article.id,
      ...{ number, title, language, body },
      created_at: now,
      author,
    });
  }
  await updateArticleRow(tx, article.id, {
    tags,
    project_ids: projectIds,
    latest_version: number,
    updated_at: now,
    version: article.version + 1n,
  });
  if (isShared) await touchLibrary(tx, article.organisation_id);
  audit({
    ...{ organisationId: article.organisation_id, action: "article.updated", target: article.id },
    before: { version: article.latest_version, projects: article.project_ids },
    after: { version: number, projects: projectIds },
  });
  return true;
}

function isSame(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((value, index) => value === right[index]);
}
