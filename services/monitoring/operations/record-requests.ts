import type {
  RecordRequestsRequest,
  RecordRequestsResponse,
  RequestRecord,
} from "@tandem/contracts/rpc/monitoring/v1/monitoring_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import type { Clock } from "@tandem/libs/world";
import { chooseKept } from "../core/choose-kept.ts";
import { monitoringFaults } from "../faults.ts";
import type { RequestStore } from "../store/request-store.ts";

export interface RequestRecorder {
  record(
    request: RecordRequestsRequest,
    context: CallContext,
  ): Promise<MessageInit<RecordRequestsResponse>>;
  /** What was told in the last seconds and may not be written yet. */
  recent(requestId: string): RequestRecord | undefined;
}

const recentMax = 2_000;

/** Keeps what gateways tell of requests, at most so many ordinary ones a second. */
export function createRequestRecorder(options: {
  readonly store: RequestStore;
  readonly clock: Clock;
  readonly recordsPerSecondMax: number;
  readonly slowRequestMs: number;
}): RequestRecorder {
  const recent = new Map<string, RequestRecord>();
  let second = 0;
  let writtenInSecond = 0;
  return {
    recent: (requestId) => recent.get(requestId),
    async record(request, context) {
      if (context.passport.organisationId !== "") throw monitoringFaults.platform_only();
      const nowSecond = Math.floor(options.clock.monotonicMs() / 1_000);
      if (nowSecond !== second) {
        second = nowSecond;
        writtenInSecond = 0;
      }
      for (const record of request.records) {
        recent.set(record.requestId, record);
        if (recent.size > recentMax) recent.delete(recent.keys().next().value ?? "");
      }
      const kept = chooseKept(request.records, {
        remaining: Math.max(0, options.recordsPerSecondMax - writtenInSecond),
        slowMs: options.slowRequestMs,
      });
      writtenInSecond += kept.length;
      await options.store.insert(kept);
      return {};
    },
  };
}
