import type {
  Link,
  ListLinksRequest,
  ListLinksResponse,
} from "@tandem/contracts/rpc/auth/v1/auth_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { stamp } from "../messages.ts";
import { requireSelf } from "../own-person.ts";
import type { AuthParts } from "../parts.ts";
import { type LinkRow, listLinks as listRows } from "../store/links.ts";

/** The identities at providers by which a person gets in; one's own only. */
export async function listLinks(
  { database }: AuthParts,
  { userId }: ListLinksRequest,
  context: CallContext,
): Promise<MessageInit<ListLinksResponse>> {
  requireSelf(context, userId);
  const rows = await listRows(database, userId);
  return { links: rows.map(linkMessage) };
}

export function linkMessage(row: LinkRow): MessageInit<Link> {
  return {
    provider: row.provider,
    issuer: row.issuer,
    email: row.email,
    linkedAtMs: stamp(row.linked_at),
    usedAtMs: stamp(row.used_at),
  };
}
