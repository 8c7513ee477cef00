/** What articles look like on this plane, and what may be asked of them. */
import type {
  Article,
  ArticleVersion,
  Attachment,
  Hit,
} from "@tandem/contracts/rpc/articles/v1/articles_pb";
import { idField, lineField, timeField, timeOf } from "@tandem/libs/gateway";
import { z } from "zod";

export const languageField = z
  .string()
  .max(40)
  .regex(/^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$/, "must be a language tag like en or zh-Hans");

export const tagField = lineField({ max: 50 }).regex(
  /^[\p{L}\p{N}][\p{L}\p{N} ._/-]*$/u,
  "must begin with a letter or a digit, and hold letters, digits, blanks and . _ / - only",
);

/** Some 500 KiB of text, as JSON. */
export const articleBodyBytes = 4 * 1024 * 1024;

export const writableShape = {
  title: lineField({ max: 200 }),
  language: languageField,
  body: z
    .string()
    .max(512 * 1024)
    .meta({ description: "Markdown." }),
  tags: z.array(tagField).max(20),
  project_ids: z
    .array(idField("prj"))
    .max(100)
    .meta({ description: "Whose keys may read it; empty: everybody in the organisation." }),
};

const shownShape = {
  id: z.string(),
  title: z.string(),
  language: z.string(),
  tags: z.array(z.string()),
  project_ids: z.array(z.string()),
  state: z.enum(["draft", "published", "changed"]).meta({
    description: "`changed`: published, with a newer draft.",
  }),
  shown_version: z.int(),
  latest_version: z.int(),
  published_version: z.int().nullable(),
  created_at: timeField.nullable(),
  updated_at: timeField.nullable(),
  published_at: timeField.nullable(),
  source_path: z.string().nullable().meta({ description: "Where an import found it." }),
};

export const article = z.object({ ...shownShape, body: z.string() }).meta({ id: "Article" });

export const articleItem = z
  .object({
    ...shownShape,
    passages: z.int().meta({ description: "That search knows." }),
    passages_embedded: z
      .int()
      .meta({ description: "Found by meaning already, not by words only." }),
  })
  .meta({ id: "ArticleItem" });

function shownBody(message: Article) {
  return {
    id: message.id,
    title: message.title,
    language: message.language,
    tags: message.tags,
    project_ids: message.projectIds,
    state: stateOf(message.state),
    shown_version: message.shownVersion,
    latest_version: message.latestVersion,
    published_version: message.publishedVersion || null,
    created_at: timeOf(message.createdAtMs),
    updated_at: timeOf(message.updatedAtMs),
    published_at: timeOf(message.publishedAtMs),
    source_path: message.sourcePath || null,
  };
}

function stateOf(state: string): "draft" | "published" | "changed" {
  return state === "published" || state === "changed" ? state : "draft";
}

export function articleBody(message: Article): z.input<typeof article> {
  return { ...shownBody(message), body: message.body };
}

export function articleItemBody(message: Article): z.input<typeof articleItem> {
  return {
    ...shownBody(message),
    passages: message.chunks,
    passages_embedded: message.embeddedChunks,
  };
}

export const articleVersion = z
  .object({
    number: z.int(),
    title: z.string(),
    language: z.string(),
    author: z.string(),
    created_at: timeField.nullable(),
    is_published: z.boolean(),
  })
  .meta({ id: "ArticleVersion" });

export function versionBody(message: ArticleVersion): z.input<typeof articleVersion> {
  return {
    number: message.number,
    title: message.title,
    language: message.language,
    author: message.author,
    created_at: timeOf(message.createdAtMs),
    is_published: message.published,
  };
}

export const attachment = z
  .object({
    id: z.string(),
    name: z.string(),
    media_type: z.string(),
    size_bytes: z.int(),
    created_at: timeField.nullable(),
  })
  .meta({ id: "Attachment" });

export function attachmentBody(message: Attachment): z.input<typeof attachment> {
  return {
    id: message.id,
    name: message.name,
    media_type: message.mediaType,
    size_bytes: message.sizeBytes,
    created_at: timeOf(message.createdAtMs),
  };
}

export const hit = z
  .object({
    passage_id: z.string(),
    article_id: z.string(),
    article_version: z.int(),
    title: z.string(),
    headings: z.array(z.string()),
    attachment: z.string().nullable(),
    language: z.string(),
    text: z.string(),
    score: z.number(),
    similarity: z.number().meta({ description: "Of meaning, -1 to 1; 0 where not measured." }),
    lexical: z.number().meta({ description: "Of words, 0 to 1." }),
    exact_terms: z.array(z.string()),
  })
  .meta({ id: "SearchHit" });

export function hitBody(message: Hit): z.input<typeof hit> {
  return {
    passage_id: message.chunkId,
    article_id: message.articleId,
    article_version: message.articleVersion,
    title: message.title,
    headings: message.headings,
    attachment: message.attachment || null,
    language: message.language,
    text: message.text,
    score: message.score,
    similarity: message.similarity,
    lexical: message.lexical,
    exact_terms: message.exactTerms,
  };
}

export const articlePlace = z.strictObject({ article_id: idField("art") });

/** Texts that come and go as bodies: two spellings of one query parameter would be one too many. */
export const flagQuery = z
  .enum(["true", "false"])
  .default("false")
  .transform((value) => value === "true");
