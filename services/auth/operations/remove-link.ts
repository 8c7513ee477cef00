import type { RemoveLinkRequest, RemoveLinkResponse } from "@tandem/contracts/rpc/auth/v1/auth_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { authFaults } from "../faults.ts";
import { requireSelfInSession } from "../own-person.ts";
import type { AuthParts } from "../parts.ts";
import { act } from "../store/action.ts";
import { deleteLinks, listLinks } from "../store/links.ts";
import { findPasswordHash } from "../store/people.ts";

/**
 * Takes the identity at a provider off a person's account. Throws `auth.link_not_found`,
 * `auth.last_way_in`.
 */
export async function removeLink(
  { database }: AuthParts,
  { userId, provider }: RemoveLinkRequest,
  context: CallContext,
): Promise<MessageInit<RemoveLinkResponse>> {
  requireSelfInSession(context, userId);
  await act(database, context, async (action) => {
    const { tx } = action;
    const links = await listLinks(tx, userId);
    const isOnlyWay = links.length > 0 && links.every((link) => link.provider === provider);
    if (isOnlyWay && (await findPasswordHash(tx, userId)) === undefined) {
      throw authFaults.last_way_in();
    }
    if ((await deleteLinks(tx, { userId, provider })) === 0) throw authFaults.link_not_found();
    const { organisationId } = context.passport;
    const before = { provider };
    action.audit({ organisationId, action: "identity.unlinked", target: userId, before });
  });
  return {};
}
