import { OutboxService } from "@tandem/contracts/rpc/outbox/v1/outbox_pb";
import { type CallContext, type Implementation, implement } from "../../rpc/index.ts";
import { type Executor, outboxStatus, parkedEvents, replayParked } from "../../store/index.ts";

const limitDefault = 20;
const limitMax = 100;

/**
 * Lets the events be seen and delivered anew that a service's outbox has parked. `authorise` throws
 * for a caller who may not: events belong to no organisation.
 */
export function implementOutbox(
  database: Executor,
  given: {
    readonly authorise: (context: CallContext) => void;
    /** Makes the relay look now. */
    readonly wake: () => void;
  },
): Implementation {
  return implement(OutboxService, {
    async listParked({ limit }, context) {
      given.authorise(context);
      const size = Math.min(limit === 0 ? limitDefault : limit, limitMax);
      const [status, events] = await Promise.all([
        outboxStatus(database),
        parkedEvents(database, size),
      ]);
      return {
        pending: status.pending,
        parked: status.parked,
        oldestPendingMs: BigInt(Math.round(status.oldestPendingMs)),
        events: events.map((event) => ({
          id: event.id,
          topic: event.topic,
          attempts: event.attempts,
          createdAtMs: BigInt(event.createdAt.getTime()),
          parkedAtMs: BigInt(event.parkedAt.getTime()),
          lastError: event.lastError,
        })),
      };
    },
    async replayParked({ eventIds }, context) {
      given.authorise(context);
      const ids = eventIds.length === 0 ? undefined : eventIds;
      const replayed = await replayParked(database, ids);
      given.wake();
      return { replayed };
    },
  });
}
