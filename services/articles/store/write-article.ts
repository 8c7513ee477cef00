import type { Transaction } from "@tandem/libs/store";
import type { ArticleFields } from "../core/article-fields.ts";
import { insertVersion } from "./articles.ts";
import type { Schema } from "./schema.ts";

/** Adds an article with its first version; false when its key or its path is taken. */
export async function addArticle(
  tx: Transaction<Schema>,
  article: {
    readonly id: string;
    readonly organisationId: string;
    readonly fields: ArticleFields;
    readonly now: Date;
    readonly author: string;
    readonly sourcePath: string | null;
    readonly idempotencyKey: string | null;
  },
): Promise<boolean> {
  const { id, organisationId, fields, now, author } = article;
  const inserted = await tx
    .insertInto("articles")
    .values({
      id,
      organisation_id: organisationId,
      tags: fields.tags,
      project_ids: fields.projectIds,
      latest_version: 1,
      published_version: 0,
      version: 1n,
      source_path: article.sourcePath,
      created_at: now,
      updated_at: now,
      published_at: null,
      idempotency_key: article.idempotencyKey,
    })
    .onConflict((conflict) => conflict.doNothing())
    .returning("id")
    .executeTakeFirst();
  if (inserted === undefined) return false;
  const { title, language, body } = fields;
  await insertVersion(tx, {
    article_id: id,
    number: 1,
    ...{ title, language, body },
    created_at: now,
    author,
  });
  return true;
}
