import { create, toBinary } from "@bufbuild/protobuf";
import { AuditEntrySchema } from "@tandem/contracts/rpc/auth/v1/auth_pb";
import type { CallContext } from "@tandem/libs/rpc";
import { type Database, enqueueEvent, type Transaction, transaction } from "@tandem/libs/store";
import { newId } from "@tandem/libs/world";
import { topics } from "../topics.ts";
import type { Schema } from "./schema.ts";

/** What was done, for the audit log of the auth service. */
export interface AuditNote {
  readonly organisationId: string;
  /** Verb and object: `order.created`. */
  readonly action: string;
  readonly target: string;
  readonly before?: unknown;
  readonly after?: unknown;
}

/** A change under way: its transaction, and what is to be told of it. */
export interface Action {
  readonly tx: Transaction<Schema>;
  readonly now: Date;
  /** Who does it, as the audit log names them. */
  readonly actor: string;
  audit(note: AuditNote): void;
  /** Stores an event in the same transaction; `payload` is given its id. */
  tell(topic: string, payload: (eventId: string) => Uint8Array): Promise<string>;
}

/** Whom something is done for; this service itself where nobody called. */
export type Doer = Pick<CallContext, "passport" | "requestId"> | "orders";

export interface ActionParts {
  readonly database: Database<Schema>;
  readonly wakeRelay: () => void;
}

/**
 * Runs a change in one transaction with the events that tell of it: all are there, or none, and
 * those who are told hear of it whatever dies. `run` may be run again as a whole.
 */
export async function act<Result>(
  parts: ActionParts,
  doer: Doer,
  run: (action: Action) => Promise<Result>,
): Promise<Result> {
  const { database } = parts;
  const { world } = database;
  const result = await transaction(database, async (tx) => {
    const now = new Date(world.clock.nowMs());
    const notes: AuditNote[] = [];
    const actor = actorOf(doer);
    const tell: Action["tell"] = async (topic, payload) => {
      const id = newId(world, "evt");
      await enqueueEvent(tx, { id, topic, payload: payload(id) });
      return id;
    };
    const made = await run({ tx, now, actor, tell, audit: (note) => notes.push(note) });
    for (const note of notes) {
      const entry = create(AuditEntrySchema, {
        organisationId: note.organisationId,
        action: note.action,
        target: note.target,
        beforeJson: note.before === undefined ? "" : JSON.stringify(note.before),
        afterJson: note.after === undefined ? "" : JSON.stringify(note.after),
        actor,
        requestId: doer === "orders" ? "" : doer.requestId,
        atMs: BigInt(now.getTime()),
      });
      await tell(topics.audit, () => toBinary(AuditEntrySchema, entry));
    }
    return made;
  });
  parts.wakeRelay();
  return result;
}

export function actorOf(doer: Doer): string {
  if (doer === "orders") return "orders";
  const { userId, keyId, sessionId, issuer } = doer.passport;
  const credential = keyId || sessionId;
  if (userId === "") return credential || issuer;
  return credential === "" ? userId : `${userId}/${credential}`;
}

/** Who somebody is whatever they signed in with: two keys of one person are no two people. */
export function personOf(actor: string): string {
  return actor.split("/")[0] ?? "";
}
