import type { Article, CreateArticleRequest } from "@tandem/contracts/rpc/articles/v1/articles_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { newId } from "@tandem/libs/world";
import { authorOf, requireEditor } from "../authority.ts";
import { cleanTitle, problemOfArticle } from "../core/article-fields.ts";
import { articlesFaults } from "../faults.ts";
import { articleMessage } from "../messages.ts";
import type { ArticlesParts } from "../parts.ts";
import { act } from "../store/action.ts";
import { countArticles, findArticle } from "../store/articles.ts";
import { addArticle } from "../store/write-article.ts";
import { publishVersion } from "./publish-article.ts";

/** Makes an article, a draft unless it is to be published; the same one again for the same key. */
export async function createArticle(
  parts: ArticlesParts,
  request: CreateArticleRequest,
  context: CallContext,
): Promise<MessageInit<Article>> {
  const { organisationId, idempotencyKey } = request;
  requireEditor(context, organisationId, articlesFaults.organisation_not_found);
  const fields = { ...request, title: cleanTitle(request.title) };
  const problem = problemOfArticle(fields);
  if (problem !== undefined) throw articlesFaults.malformed({ publicMessage: problem });
  const { world } = parts.database;
  const made = await act(parts, context, async (action) => {
    const { tx, now } = action;
    const id = newId(world, "art");
    const isNew = await addArticle(tx, {
      ...{ id, organisationId, fields, now },
      author: authorOf(context),
      sourcePath: null,
      idempotencyKey: idempotencyKey || null,
    });
    if (!isNew) {
      const existing = await tx
        .selectFrom("articles")
        .select("id")
        .where("organisation_id", "=", organisationId)
        .where("idempotency_key", "=", idempotencyKey)
        .executeTakeFirstOrThrow();
      return findArticle(tx, { organisationId, id: existing.id }, "latest");
    }
    const max = parts.config.articlesPerOrganisationMax;
    if ((await countArticles(tx, organisationId)) > max) throw articlesFaults.library_full();
    action.audit({
      ...{ organisationId, action: "article.created", target: id },
      after: { title: fields.title, projects: fields.projectIds },
    });
    if (request.publish) await publishVersion(parts, action, { organisationId, id, number: 1 });
    return findArticle(tx, { organisationId, id }, "latest");
  });
  if (made === undefined) throw articlesFaults.article_not_found();
  if (request.publish) parts.wakeFiller();
  return articleMessage(made);
}
