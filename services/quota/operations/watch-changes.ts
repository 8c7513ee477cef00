import type {
  WatchChangesRequest,
  WatchChangesResponse,
} from "@tandem/contracts/rpc/quota/v1/quota_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { requirePlatform } from "../authority.ts";
import type { ChangeBoard } from "../change-board.ts";
import type { Books } from "../store/books.ts";
import { readChanges } from "../store/changes.ts";

const pageSize = 1_000;

/** Organisations of which gateways should forget what they know; at once when there are any. */
export async function watchChangesOperation(
  { books, board }: { readonly books: Books; readonly board: ChangeBoard },
  request: WatchChangesRequest,
  context: CallContext,
): Promise<MessageInit<WatchChangesResponse>> {
  requirePlatform(context);
  const { afterSequence, waitMs } = request;
  await board.feed.wait(afterSequence, { waitMs, onAbandon: context.onAbandon });
  const page = await readChanges(books.database, { afterSequence, limit: pageSize });
  return {
    sequence: page.sequence,
    organisationIds: [...page.organisationIds],
    reset: page.isReset,
  };
}
