import { create, toBinary } from "@bufbuild/protobuf";
import { AuditEntrySchema } from "@tandem/contracts/rpc/auth/v1/auth_pb";
import type { CallContext } from "@tandem/libs/rpc";
import { type Database, enqueueEvent, type Transaction, transaction } from "@tandem/libs/store";
import { newId } from "@tandem/libs/world";
import type { Schema } from "./schema.ts";

/** What was done, for the audit log of the auth service. */
export interface AuditNote {
  readonly organisationId: string;
  /** Verb and object: `article.created`. */
  readonly action: string;
  readonly target: string;
  readonly before?: unknown;
  readonly after?: unknown;
}

export const auditTopic = "articles.audit.v1";

/** A change under way: its transaction, and what is to be told of it. */
export interface Action {
  readonly tx: Transaction<Schema>;
  readonly now: Date;
  audit(note: AuditNote): void;
}

/**
 * Runs a change in one transaction with the events that tell the audit log of it: both are there,
 * or neither, and the log has them within seconds whatever dies. `run` may be run again as a whole.
 */
export async function act<Result>(
  parts: { readonly database: Database<Schema>; readonly wakeRelay: () => void },
  context: Pick<CallContext, "passport" | "requestId">,
  run: (action: Action) => Promise<Result>,
): Promise<Result> {
  const { database } = parts;
  const { world } = database;
  const result = await transaction(database, async (tx) => {
    const now = new Date(world.clock.nowMs());
    const notes: AuditNote[] = [];
    const made = await run({ tx, now, audit: (note) => notes.push(note) });
    for (const note of notes) {
      const entry = create(AuditEntrySchema, {
        organisationId: note.organisationId,
        action: note.action,
        target: note.target,
        beforeJson: note.before === undefined ? "" : JSON.stringify(note.before),
        afterJson: note.after === undefined ? "" : JSON.stringify(note.after),
        actor: actorOf(context),
        requestId: context.requestId,
        atMs: BigInt(now.getTime()),
      });
      const payload = toBinary(AuditEntrySchema, entry);
      await enqueueEvent(tx, { id: newId(world, "evt"), topic: auditTopic, payload });
    }
    return made;
  });
  parts.wakeRelay();
  return result;
}

function actorOf({ passport }: Pick<CallContext, "passport">): string {
  const { userId, keyId, sessionId, issuer } = passport;
  const credential = keyId || sessionId;
  if (userId === "") return credential || issuer;
  return credential === "" ? userId : `${userId}/${credential}`;
}
