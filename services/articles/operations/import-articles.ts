import type {
  ImportArticlesRequest,
  ImportArticlesResponse,
  ImportedFile,
  ImportFile,
} from "@tandem/contracts/rpc/articles/v1/articles_pb";
import { Fault } from "@tandem/libs/kernel";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { newId } from "@tandem/libs/world";
import { authorOf, requireEditor } from "../authority.ts";
import {
  type ArticleFields,
  cleanTitle,
  importFilesMax,
  problemOfArticle,
  problemOfPath,
} from "../core/article-fields.ts";
import { parseFile } from "../core/front-matter.ts";
import { articlesFaults } from "../faults.ts";
import type { ArticlesParts } from "../parts.ts";
import { type Action, act } from "../store/action.ts";
import { countArticles, findVersion, lockArticle } from "../store/articles.ts";
import { addArticle } from "../store/write-article.ts";
import { publishVersion } from "./publish-article.ts";
import { applyChange } from "./update-article.ts";

const readable = /\.(md|markdown|txt)$/i;

/**
 * Takes files in, each by itself: one that is refused says why and keeps no other out. Repeated
 * after a break it changes what it had not, and nothing twice.
 */
export async function importArticles(
  parts: ArticlesParts,
  request: ImportArticlesRequest,
  context: CallContext,
): Promise<MessageInit<ImportArticlesResponse>> {
  requireEditor(context, request.organisationId, articlesFaults.organisation_not_found);
  if (request.files.length > importFilesMax) {
    const publicMessage = `At most ${importFilesMax} files go at once. Send the rest afterwards.`;
    throw articlesFaults.malformed({ publicMessage });
  }
  const files: MessageInit<ImportedFile>[] = [];
  for (const file of request.files) files.push(await importFile(parts, { request, file }, context));
  parts.wakeFiller();
  return { files };
}

async function importFile(
  parts: ArticlesParts,
  given: { readonly request: ImportArticlesRequest; readonly file: ImportFile },
  context: CallContext,
): Promise<MessageInit<ImportedFile>> {
  const { path, content } = given.file;
  const problem = problemOfPath(path);
  if (problem !== undefined) return { path, outcome: "refused", problem };
  if (!readable.test(path)) {
    return { path, outcome: "refused", problem: "Only .md, .markdown and .txt files are taken." };
  }
  const { request } = given;
  const parsed = parseFile(path, content);
  const fields: ArticleFields = {
    title: cleanTitle(parsed.title).slice(0, 200),
    language: parsed.language || request.language || "en",
    body: parsed.body,
    tags: [...new Set([...request.tags, ...parsed.tags])],
    projectIds: request.projectIds,
  };
  const wrong = problemOfArticle(fields);
  if (wrong !== undefined) return { path, outcome: "refused", problem: wrong };
  try {
    const isPublished = request.publish && !parsed.isDraft;
    const kept = await act(parts, context, (action) =>
      keepFile(parts, action, {
        ...{ path, fields, isPublished, organisationId: request.organisationId },
        author: authorOf(context),
      }),
    );
    return { path, ...kept };
  } catch (error) {
    if (!Fault.is(error) || error.blame !== "client") throw error;
    return { path, outcome: "refused", problem: error.publicMessage };
  }
}

interface KeptFile {
  readonly organisationId: string;
  readonly path: string;
  readonly fields: ArticleFields;
  readonly isPublished: boolean;
  readonly author: string;
}

async function keepFile(
  parts: ArticlesParts,
  action: Action,
  file: KeptFile,
): Promise<{ readonly outcome: string; readonly articleId: string }> {
  const { tx, now } = action;
  const { organisationId, path, fields, isPublished, author } = file;
  const id = newId(parts.database.world, "art");
  const isNew = await addArticle(tx, {
    ...{ id, organisationId, fields, now, author, sourcePath: path, idempotencyKey: null },
  });
  if (isNew) {
    const max = parts.config.articlesPerOrganisationMax;
    if ((await countArticles(tx, organisationId)) > max) throw articlesFaults.library_full();
    action.audit({
      ...{ organisationId, action: "article.created", target: id },
      after: { title: fields.title, path },
    });
    if (isPublished) await publishVersion(parts, action, { organisationId, id, number: 1 });
    return { outcome: "created", articleId: id };
  }
  const existing = await tx
    .selectFrom("articles")
    .select("id")
    .where("organisation_id", "=", organisationId)
    .where("source_path", "=", path)
    .executeTakeFirstOrThrow();
  const article = await lockArticle(tx, { organisationId, id: existing.id });
  if (article === undefined) throw articlesFaults.article_not_found();
  const newest = await findVersion(tx, article.id, article.latest_version);
  if (newest === undefined) throw articlesFaults.version_not_found();
  const isChanged = await applyChange(action, { article, newest, fields, author });
  const isDue = isPublished && (isChanged || article.published_version !== article.latest_version);
  if (isDue) await publishVersion(parts, action, { organisationId, id: article.id, number: 0 });
  return { outcome: isChanged || isDue ? "updated" : "unchanged", articleId: article.id };
}
