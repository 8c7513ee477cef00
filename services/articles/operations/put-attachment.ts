import type {
  Attachment,
  PutAttachmentRequest,
} from "@tandem/contracts/rpc/articles/v1/articles_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { sql, type Transaction } from "@tandem/libs/store";
import { newId } from "@tandem/libs/world";
import { requireEditor } from "../authority.ts";
import {
  attachmentsLengthMax,
  attachmentsMax,
  problemOfAttachment,
} from "../core/article-fields.ts";
import { articlesFaults } from "../faults.ts";
import { attachmentMessage } from "../messages.ts";
import type { ArticlesParts } from "../parts.ts";
import { act } from "../store/action.ts";
import { findVersion, lockArticle, updateArticleRow } from "../store/articles.ts";
import { findAttachment } from "../store/attachments.ts";
import { touchLibrary } from "../store/library.ts";
import { indexAttachment } from "../store/passages.ts";
import type { Schema } from "../store/schema.ts";

/** Adds an attachment, or replaces the one of its name; that of a published article is found. */
export async function putAttachment(
  parts: ArticlesParts,
  request: PutAttachmentRequest,
  context: CallContext,
): Promise<MessageInit<Attachment>> {
  const { organisationId, articleId, name, mediaType, content } = request;
  requireEditor(context, organisationId, articlesFaults.article_not_found);
  const problem = problemOfAttachment(request);
  if (problem !== undefined) throw articlesFaults.malformed({ publicMessage: problem });
  const { world } = parts.database;
  const kept = await act(parts, context, async ({ tx, now, audit }) => {
    const article = await lockArticle(tx, { organisationId, id: articleId });
    if (article === undefined) throw articlesFaults.article_not_found();
    const { id } = await tx
      .insertInto("attachments")
      .values({
        id: newId(world, "att"),
        organisation_id: organisationId,
        article_id: articleId,
        ...{ name, content, media_type: mediaType, created_at: now },
      })
      .onConflict((conflict) =>
        conflict
          .columns(["article_id", "name"])
          .doUpdateSet({ content, media_type: mediaType, created_at: now }),
      )
      .returning("id")
      .executeTakeFirstOrThrow();
    await requireRoom(tx, articleId);
    await updateArticleRow(tx, articleId, { updated_at: now, version: article.version + 1n });
    const articleVersion = article.published_version;
    const version = await findVersion(tx, articleId, articleVersion);
    if (version !== undefined) {
      const { title, language } = version;
      const source = { organisationId, articleId, articleVersion, title, language };
      await indexAttachment(tx, world, { source, attachment: { id, name, content } });
      await touchLibrary(tx, organisationId);
    }
    audit({
      ...{ organisationId, action: "attachment.put", target: articleId },
      after: { id, name, length: content.length },
    });
    return findAttachment(tx, articleId, id);
  });
  if (kept === undefined) throw articlesFaults.attachment_not_found();
  parts.wakeFiller();
  return { ...attachmentMessage(kept), content: "" };
}

async function requireRoom(tx: Transaction<Schema>, articleId: string): Promise<void> {
  const { rows } = await sql<{ count: bigint; length: bigint }>`
    select count(*) as count, coalesce(sum(length(content)), 0)::bigint as length
    from attachments where article_id = ${articleId}`.execute(tx);
  const { count = 0n, length = 0n } = rows[0] ?? {};
  if (count > attachmentsMax || length > attachmentsLengthMax) {
    throw articlesFaults.attachments_full();
  }
}
