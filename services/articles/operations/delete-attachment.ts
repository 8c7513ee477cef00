import type {
  Attachment,
  DeleteAttachmentRequest,
} from "@tandem/contracts/rpc/articles/v1/articles_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { requireEditor } from "../authority.ts";
import { articlesFaults } from "../faults.ts";
import { attachmentMessage } from "../messages.ts";
import type { ArticlesParts } from "../parts.ts";
import { act } from "../store/action.ts";
import { lockArticle, updateArticleRow } from "../store/articles.ts";
import { findAttachment } from "../store/attachments.ts";
import { touchLibrary } from "../store/library.ts";

/** Deletes an attachment; with the commit no search finds it. */
export function deleteAttachment(
  parts: ArticlesParts,
  { organisationId, articleId, id }: DeleteAttachmentRequest,
  context: CallContext,
): Promise<MessageInit<Attachment>> {
  requireEditor(context, organisationId, articlesFaults.article_not_found);
  return act(parts, context, async ({ tx, now, audit }) => {
    const article = await lockArticle(tx, { organisationId, id: articleId });
    if (article === undefined) throw articlesFaults.article_not_found();
    const attachment = await findAttachment(tx, articleId, id);
    if (attachment === undefined) throw articlesFaults.attachment_not_found();
    await tx.deleteFrom("attachments").where("id", "=", id).execute();
    await updateArticleRow(tx, articleId, { updated_at: now, version: article.version + 1n });
    await touchLibrary(tx, organisationId);
    audit({
      ...{ organisationId, action: "attachment.deleted", target: articleId },
      before: { id, name: attachment.name },
    });
    return { ...attachmentMessage(attachment), content: "" };
  });
}
