import { type Database, sql } from "@tandem/libs/store";
import type { Reader } from "../core/visibility.ts";
import { readable } from "./readable.ts";
import type { Schema } from "./schema.ts";

export interface Passage {
  readonly id: string;
  readonly articleId: string;
  readonly articleVersion: number;
  readonly title: string;
  readonly headings: readonly string[];
  readonly language: string;
  readonly text: string;
  readonly attachment: string;
}

/** The passages with these ids that the reader may read at this moment, by id. */
export async function readPassages(
  database: Database<Schema>,
  reader: Reader,
  ids: readonly string[],
): Promise<ReadonlyMap<string, Passage>> {
  if (ids.length === 0) return new Map();
  const { rows } = await sql<Passage>`
    select chunks.id, chunks.article_id as "articleId", chunks.article_version as "articleVersion",
      chunks.title, chunks.headings, chunks.language, chunks.text,
      coalesce(attachments.name, '') as attachment
    from chunks
    join articles on articles.id = chunks.article_id
    left join attachments on attachments.id = chunks.attachment_id
    where ${readable(reader)} and chunks.id = any(${ids}::text[])`.execute(database);
  return new Map(rows.map((row) => [row.id, row]));
}
