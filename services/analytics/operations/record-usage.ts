import { fromBinary } from "@bufbuild/protobuf";
import {
  type RecordUsageRequest,
  type RecordUsageResponse,
  UsageBatchSchema,
  type UsageFact,
} from "@tandem/contracts/rpc/analytics/v1/analytics_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { requirePlatform } from "../authority.ts";
import { dated, type Fact, flawOf } from "../core/fact.ts";
import { analyticsFaults } from "../faults.ts";
import type { AnalyticsParts } from "../parts.ts";
import { recordFacts } from "../store/record.ts";

const factsMax = 5_000;

/** Each event and each fact counts once; one flawed fact refuses its event, which is then parked. */
export async function recordUsage(
  parts: AnalyticsParts,
  request: RecordUsageRequest,
  context: CallContext,
): Promise<MessageInit<RecordUsageResponse>> {
  requirePlatform(context);
  const { eventId, batch } = request;
  if (eventId === "" || eventId.length > 128 || eventId.includes("\0")) {
    throw analyticsFaults.unreadable_event({ detail: "it has no id" });
  }
  const facts = readBatch(batch);
  if (facts.length > factsMax) {
    throw analyticsFaults.unreadable_event({ detail: `${eventId}: ${facts.length} facts` });
  }
  // The same fact twice in one event is one; the first is taken.
  const once = new Map<string, Fact>();
  for (const wire of facts) {
    const fact = factFrom(wire);
    const flaw = flawOf(fact);
    if (flaw !== undefined) {
      throw analyticsFaults.unreadable_event({ detail: `${eventId}: ${flaw}` });
    }
    if (!once.has(fact.id)) once.set(fact.id, dated(fact));
  }
  return { recorded: await recordFacts(parts, { id: eventId, facts: [...once.values()] }) };
}

function readBatch(batch: Uint8Array): readonly UsageFact[] {
  try {
    return fromBinary(UsageBatchSchema, batch).facts;
  } catch (cause) {
    throw analyticsFaults.unreadable_event({ detail: String(cause), cause });
  }
}

function factFrom({ $typeName: _, $unknown: _unknown, rest, corrects, ...wire }: UsageFact): Fact {
  const fact = {
    ...wire,
    requests: rest ? 0 : wire.requests || 1,
    atMs: Number(wire.atMs),
    settledAtMs: Number(wire.settledAtMs),
  };
  if (corrects === "") return fact;
  return {
    ...fact,
    corrects,
    requests: 0,
    inputTokens: 0 - wire.inputTokens,
    cachedInputTokens: 0 - wire.cachedInputTokens,
    outputTokens: 0 - wire.outputTokens,
    reasoningTokens: 0 - wire.reasoningTokens,
    ...{ durationMs: 0, firstTokenMs: 0, estimated: false },
  };
}
