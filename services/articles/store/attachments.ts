import { type Executor, sql } from "@tandem/libs/store";

export interface AttachmentRow {
  readonly id: string;
  readonly article_id: string;
  readonly name: string;
  readonly media_type: string;
  readonly content: string;
  readonly size_bytes: number;
  readonly created_at: Date;
}

const columns = sql`id, article_id, name, media_type, octet_length(content) as size_bytes, created_at`;

/** By name; without contents. */
export async function listAttachments(
  executor: Executor,
  articleId: string,
): Promise<readonly AttachmentRow[]> {
  const { rows } = await sql<AttachmentRow>`
    select ${columns}, '' as content from attachments
    where article_id = ${articleId} order by name`.execute(executor);
  return rows;
}

export async function findAttachment(
  executor: Executor,
  articleId: string,
  id: string,
): Promise<AttachmentRow | undefined> {
  const { rows } = await sql<AttachmentRow>`
    select ${columns}, content from attachments
    where article_id = ${articleId} and id = ${id}`.execute(executor);
  return rows[0];
}
