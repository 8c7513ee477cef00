import type {
  ListSessionsRequest,
  ListSessionsResponse,
  Session,
} from "@tandem/contracts/rpc/auth/v1/auth_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { isSessionAlive, type SessionRule, sessionEndMs } from "../core/session-life.ts";
import { stamp } from "../messages.ts";
import { requireSelf } from "../own-person.ts";
import type { AuthParts } from "../parts.ts";
import { sessionRuleOf } from "../session-rule.ts";
import { listSessions as listRows, type SessionRow } from "../store/people.ts";

/** Where a person is signed in, the session used last at the top. */
export async function listSessions(
  { database, config }: AuthParts,
  { userId }: ListSessionsRequest,
  context: CallContext,
): Promise<MessageInit<ListSessionsResponse>> {
  requireSelf(context, userId);
  const nowMs = database.world.clock.nowMs();
  const rows = await listRows(database, userId);
  return { sessions: openSessions(rows, { rule: sessionRuleOf(config), nowMs }) };
}

/** Those that are alive, as the contract has them. */
export function openSessions(
  rows: readonly SessionRow[],
  { rule, nowMs }: { readonly rule: SessionRule; readonly nowMs: number },
): MessageInit<Session>[] {
  return rows
    .filter((row) => isSessionAlive(timesOf(row), rule, nowMs))
    .map((row) => ({
      id: row.id,
      organisationId: row.organisation_id,
      method: row.method,
      remoteAddress: row.remote_address,
      createdAtMs: stamp(row.created_at),
      seenAtMs: stamp(row.seen_at),
      endsAtMs: BigInt(sessionEndMs(timesOf(row), rule)),
    }));
}

function timesOf(row: SessionRow) {
  return {
    createdAtMs: row.created_at.getTime(),
    seenAtMs: row.seen_at.getTime(),
    endedAtMs: row.ended_at?.getTime(),
  };
}
