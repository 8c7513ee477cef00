import type {
  ListArticlesRequest,
  ListArticlesResponse,
} from "@tandem/contracts/rpc/articles/v1/articles_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { requireMember } from "../authority.ts";
import { seesEverything } from "../core/visibility.ts";
import { articlesFaults } from "../faults.ts";
import { articleMessage, readerMessage } from "../messages.ts";
import type { ArticlesParts } from "../parts.ts";
import { listArticles as listRows } from "../store/articles.ts";
import { pageOf, pageSize } from "../store/page.ts";

/** Newest first, without bodies: all to those who see everything, else what a reader may read. */
export async function listArticles(
  { database }: ArticlesParts,
  request: ListArticlesRequest,
  context: CallContext,
): Promise<MessageInit<ListArticlesResponse>> {
  requireMember(context, request.organisationId, articlesFaults.organisation_not_found);
  const isInsider = seesEverything(context.passport);
  const size = pageSize(request.limit);
  const found = await listRows(database, {
    ...request,
    limit: size,
    state: isInsider ? request.state : "",
    readerProjectId: isInsider ? undefined : context.passport.projectId,
  });
  const [rows, hasMore] = pageOf(found, size);
  return { articles: rows.map(isInsider ? articleMessage : readerMessage), hasMore };
}
