import type {
  ExportPersonRequest,
  ExportPersonResponse,
} from "@tandem/contracts/rpc/auth/v1/auth_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { keyMessage, stamp } from "../messages.ts";
import { requireSelf } from "../own-person.ts";
import type { AuthParts } from "../parts.ts";
import { sessionRuleOf } from "../session-rule.ts";
import { listAuditOfPerson } from "../store/audit-log.ts";
import { listKeysOfPerson } from "../store/keys.ts";
import { listLinks } from "../store/links.ts";
import { findCredential, listGrants, listSessions } from "../store/people.ts";
import { auditMessage } from "./list-audit.ts";
import { linkMessage } from "./list-links.ts";
import { grantMessage } from "./list-roles.ts";
import { openSessions } from "./list-sessions.ts";

/** All that is kept about a person, for that person; no secret and no hash of one. */
export async function exportPerson(
  { database, config }: AuthParts,
  { userId }: ExportPersonRequest,
  context: CallContext,
): Promise<MessageInit<ExportPersonResponse>> {
  requireSelf(context, userId);
  const nowMs = database.world.clock.nowMs();
  const credential = await findCredential(database, userId);
  const sessions = await listSessions(database, userId);
  return {
    roles: (await listGrants(database, { organisationId: "", userId })).map(grantMessage),
    keys: (await listKeysOfPerson(database, userId)).map((key) => keyMessage(key, nowMs)),
    sessions: openSessions(sessions, { rule: sessionRuleOf(config), nowMs }),
    links: (await listLinks(database, userId)).map(linkMessage),
    entries: (await listAuditOfPerson(database, userId)).map(auditMessage),
    passwordChangedAtMs: stamp(credential?.changed_at ?? null),
  };
}
