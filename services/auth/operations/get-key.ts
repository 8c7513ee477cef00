import type { GetKeyRequest, Key } from "@tandem/contracts/rpc/auth/v1/auth_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { keyMessage } from "../messages.ts";
import { requireReadable, requireSameOrganisation } from "../own-keys.ts";
import type { AuthParts } from "../parts.ts";
import { findKey } from "../store/keys.ts";

export async function getKey(
  { database }: AuthParts,
  { organisationId, id }: GetKeyRequest,
  context: CallContext,
): Promise<MessageInit<Key>> {
  requireSameOrganisation(context, organisationId);
  const key = requireReadable(context, await findKey(database, organisationId, id));
  return keyMessage(key, database.world.clock.nowMs());
}
