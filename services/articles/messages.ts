/** From rows to the contract's messages, in one place. */
import type {
  Article,
  ArticleVersion,
  Attachment,
  Hit,
  Rule,
} from "@tandem/contracts/rpc/articles/v1/articles_pb";
import type { MessageInit } from "@tandem/libs/rpc";
import type { FoundPassage } from "./search/searcher.ts";
import type { ShownArticle, VersionRow } from "./store/articles.ts";
import type { AttachmentRow } from "./store/attachments.ts";
import type { RuleRow } from "./store/rules.ts";

/** Milliseconds since 1970; 0 for what has not happened. */
function stamp(date: Date | null): bigint {
  return date === null ? 0n : BigInt(date.getTime());
}

function stateOf({ published_version, latest_version }: ShownArticle): string {
  if (published_version === 0) return "draft";
  return published_version === latest_version ? "published" : "changed";
}

export function articleMessage(row: ShownArticle): MessageInit<Article> {
  return {
    id: row.id,
    organisationId: row.organisation_id,
    title: row.title,
    language: row.language,
    body: row.body,
    tags: [...row.tags],
    projectIds: [...row.project_ids],
    state: stateOf(row),
    shownVersion: row.shown_version,
    latestVersion: row.latest_version,
    publishedVersion: row.published_version,
    version: row.version,
    createdAtMs: stamp(row.created_at),
    updatedAtMs: stamp(row.updated_at),
    publishedAtMs: stamp(row.published_at),
    sourcePath: row.source_path ?? "",
    chunks: row.chunks,
    embeddedChunks: row.embedded_chunks,
  };
}

/** What a reader is told: nothing of newer drafts, of others' projects, or of how it came here. */
export function readerMessage(row: ShownArticle): MessageInit<Article> {
  const { published_version } = row;
  return {
    ...articleMessage({ ...row, latest_version: published_version, source_path: null }),
    projectIds: [],
  };
}

export function versionMessage(
  row: Omit<VersionRow, "body"> & { readonly body?: string },
  publishedVersion: number,
): MessageInit<ArticleVersion> {
  return {
    articleId: row.article_id,
    number: row.number,
    title: row.title,
    language: row.language,
    body: row.body ?? "",
    createdAtMs: stamp(row.created_at),
    author: row.author,
    published: row.number === publishedVersion,
  };
}

export function attachmentMessage(row: AttachmentRow): MessageInit<Attachment> {
  return {
    id: row.id,
    articleId: row.article_id,
    name: row.name,
    mediaType: row.media_type,
    content: row.content,
    sizeBytes: row.size_bytes,
    createdAtMs: stamp(row.created_at),
  };
}

export function hitMessage(passage: FoundPassage): MessageInit<Hit> {
  return {
    chunkId: passage.id,
    articleId: passage.articleId,
    articleVersion: passage.articleVersion,
    title: passage.title,
    headings: [...passage.headings],
    language: passage.language,
    text: passage.text,
    score: passage.score,
    similarity: passage.similarity ?? 0,
    lexical: passage.lexical,
    exactTerms: [...passage.exactTerms],
    attachment: passage.attachment,
  };
}

export function ruleMessage(row: RuleRow): MessageInit<Rule> {
  return {
    organisationId: row.organisation_id,
    projectId: row.project_id,
    limit: row.passages,
    models: [...row.models],
    version: row.version,
  };
}
