/** Passages of published articles: made anew whenever what they come from changes. */
import { sql, type Transaction } from "@tandem/libs/store";
import { newId, type World } from "@tandem/libs/world";
import { type Chunk, chunkMarkdown, passageInContext } from "../core/chunking.ts";
import { exactTermsOf } from "../core/exact-terms.ts";
import { searchableText, searchConfiguration } from "../core/languages.ts";
import { touchLibrary } from "./library.ts";
import type { Schema } from "./schema.ts";

/** Rows of one statement. */
const batchSize = 200;

export interface PassageSource {
  readonly organisationId: string;
  readonly articleId: string;
  readonly articleVersion: number;
  readonly title: string;
  readonly language: string;
}

/** A word that no text can hold: it makes the indices each tenant's own. */
export function tenantTerm(organisationId: string): string {
  return `@${organisationId}`;
}

/** Replaces all passages of an article by those of a version and of its attachments. */
export async function indexArticle(
  tx: Transaction<Schema>,
  world: World,
  source: PassageSource & { readonly body: string },
): Promise<void> {
  await tx.deleteFrom("chunks").where("article_id", "=", source.articleId).execute();
  await insertChunks(tx, world, { ...source, attachmentId: null, chunks: chunksOf(source) });
  const attachments = await tx
    .selectFrom("attachments")
    .select(["id", "name", "content"])
    .where("article_id", "=", source.articleId)
    .orderBy("id")
    .execute();
  for (const attachment of attachments) await indexAttachment(tx, world, { source, attachment });
  await touchLibrary(tx, source.organisationId);
}

export async function indexAttachment(
  tx: Transaction<Schema>,
  world: World,
  given: {
    readonly source: PassageSource;
    readonly attachment: { readonly id: string; readonly name: string; readonly content: string };
  },
): Promise<void> {
  const { source, attachment } = given;
  await tx.deleteFrom("chunks").where("attachment_id", "=", attachment.id).execute();
  const chunks = chunksOf({ ...source, body: attachment.content });
  await insertChunks(tx, world, { ...source, attachmentId: attachment.id, chunks });
}

export async function removePassages(
  tx: Transaction<Schema>,
  place: { readonly organisationId: string; readonly articleId: string },
): Promise<void> {
  await tx.deleteFrom("chunks").where("article_id", "=", place.articleId).execute();
  await touchLibrary(tx, place.organisationId);
}

function chunksOf(source: {
  readonly title: string;
  readonly language: string;
  readonly body: string;
}): readonly Chunk[] {
  return chunkMarkdown(source.body, source);
}

async function insertChunks(
  tx: Transaction<Schema>,
  world: World,
  given: PassageSource & {
    readonly attachmentId: string | null;
    readonly chunks: readonly Chunk[];
  },
): Promise<void> {
  const { organisationId, title, language, chunks } = given;
  const configuration = searchConfiguration(language);
  const tenant = tenantTerm(organisationId);
  for (let from = 0; from < chunks.length; from += batchSize) {
    const rows = chunks.slice(from, from + batchSize).map((chunk, index) => {
      const whole = passageInContext(title, chunk);
      return {
        id: newId(world, "chk"),
        organisation_id: organisationId,
        article_id: given.articleId,
        attachment_id: given.attachmentId,
        article_version: given.articleVersion,
        position: from + index,
        title,
        headings: chunk.headings,
        text: chunk.text,
        language,
        configuration,
        words: sql`to_tsvector(${configuration}::regconfig, ${searchableText(whole, language)})
          || array_to_tsvector(array[${tenant}]::text[])`,
        exact_terms: [tenant, ...exactTermsOf(whole)],
        vector: null,
      };
    });
    await tx.insertInto("chunks").values(rows).execute();
  }
}
