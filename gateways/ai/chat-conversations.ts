import type { CallerIdentity } from "@tandem/libs/gateway";
import { Fault } from "@tandem/libs/kernel";
import type { Log } from "@tandem/libs/telemetry";
import { sleep, type World } from "@tandem/libs/world";
import type { Clients } from "./clients.ts";
import type { Conversations } from "./conversations.ts";

const prepareDeadlineMs = 5_000;
const appendDeadlineMs = 5_000;
/** Turns that wait to be appended while the chat service is away. */
const waitingMax = 1_000;
const firstPauseMs = 250;
const longestPauseMs = 30_000;
const patienceMs = 3_600_000;

interface Turn {
  readonly requestId: string;
  readonly conversationId: string;
  readonly messageJsons: readonly string[];
}

/** Conversations by way of the chat service. */
export function createConversations(given: {
  readonly chat: Clients["chat"];
  readonly world: World;
  readonly log: Log;
}): Conversations {
  const { chat, world, log } = given;
  let waiting = 0;
  const appendUntilDone = async (identity: CallerIdentity, turn: Turn): Promise<void> => {
    const startedMs = world.clock.monotonicMs();
    let pauseMs = firstPauseMs;
    for (;;) {
      try {
        await chat.append(
          {
            organisationId: identity.claims.organisationId,
            conversationId: turn.conversationId,
            requestId: turn.requestId,
            messageJsons: [...turn.messageJsons],
          },
          { deadlineMs: appendDeadlineMs, caller: identity.claims, requestId: turn.requestId },
        );
        return;
      } catch (error) {
        const fault = Fault.from(error);
        const isAway = fault.code === "unavailable" || fault.code === "deadline_exceeded";
        if (!isAway || world.clock.monotonicMs() - startedMs > patienceMs) {
          log.error("turn_not_appended", { request_id: turn.requestId, reason: fault.reason });
          return;
        }
        await sleep(world, pauseMs);
        pauseMs = Math.min(pauseMs * 2, longestPauseMs);
      }
    }
  };
  return {
    async prepare(identity, { requestId, conversationId, messageJsons, budgetTokens }) {
      const { organisationId } = identity.claims;
      const prepared = await chat.prepare(
        {
          organisationId,
          conversationId,
          messageJsons: [...messageJsons],
          budgetTokens,
          trim: true,
        },
        { deadlineMs: prepareDeadlineMs, caller: identity.claims, requestId },
      );
      return { messageJsons: prepared.messageJsons, promptTokens: prepared.promptTokens };
    },
    append(identity, turn) {
      if (waiting >= waitingMax) {
        log.error("turn_not_appended", { request_id: turn.requestId, reason: "too many wait" });
        return;
      }
      waiting += 1;
      void appendUntilDone(identity, turn).finally(() => {
        waiting -= 1;
      });
    },
  };
}
