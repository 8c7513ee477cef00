import { type RawBuilder, sql } from "@tandem/libs/store";
import type { Reader } from "../core/visibility.ts";

/**
 * The rule of `core/visibility.ts` for rows of `chunks` joined to `articles`. Every query that gives
 * a passage away asks it, in the very statement that reads the passage.
 */
export function readable({ organisationId, projectId }: Reader): RawBuilder<boolean> {
  return sql<boolean>`(
    chunks.organisation_id = ${organisationId}
    and articles.id = chunks.article_id
    and articles.organisation_id = ${organisationId}
    and articles.published_version > 0
    and (cardinality(articles.project_ids) = 0 or ${projectId} = any(articles.project_ids)))`;
}
