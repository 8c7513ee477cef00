import type {
  Attachment,
  GetAttachmentRequest,
  ListAttachmentsRequest,
  ListAttachmentsResponse,
} from "@tandem/contracts/rpc/articles/v1/articles_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { requireMember } from "../authority.ts";
import { seesEverything } from "../core/visibility.ts";
import { articlesFaults } from "../faults.ts";
import { attachmentMessage } from "../messages.ts";
import type { ArticlesParts } from "../parts.ts";
import { findArticle } from "../store/articles.ts";
import { findAttachment, listAttachments as listRows } from "../store/attachments.ts";
import { isReadable } from "./get-article.ts";

/** Attachments may be read by whoever may read their article. */
async function requireReadable(
  { database }: ArticlesParts,
  place: { readonly organisationId: string; readonly articleId: string },
  context: CallContext,
): Promise<void> {
  const { organisationId, articleId } = place;
  requireMember(context, organisationId, articlesFaults.article_not_found);
  const article = await findArticle(database, { organisationId, id: articleId }, "latest");
  const isVisible =
    article !== undefined && (seesEverything(context.passport) || isReadable(article, context));
  if (!isVisible) throw articlesFaults.article_not_found();
}

export async function listAttachments(
  parts: ArticlesParts,
  request: ListAttachmentsRequest,
  context: CallContext,
): Promise<MessageInit<ListAttachmentsResponse>> {
  await requireReadable(parts, request, context);
  const rows = await listRows(parts.database, request.articleId);
  return { attachments: rows.map(attachmentMessage) };
}

export async function getAttachment(
  parts: ArticlesParts,
  request: GetAttachmentRequest,
  context: CallContext,
): Promise<MessageInit<Attachment>> {
  await requireReadable(parts, request, context);
  const row = await findAttachment(parts.database, request.articleId, request.id);
  if (row === undefined) throw articlesFaults.attachment_not_found();
  return attachmentMessage(row);
}
