import type {
  ReportSamplesRequest,
  ReportSamplesResponse,
  Sample,
} from "@tandem/contracts/rpc/monitoring/v1/monitoring_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import { monitoringFaults } from "../faults.ts";

/** The newest sample of each replica. Processes tell every monitoring replica, so none leads. */
export type SampleBoard = Map<string, Sample>;

const boardMax = 10_000;

export async function reportSamples(
  board: SampleBoard,
  request: ReportSamplesRequest,
  context: CallContext,
): Promise<MessageInit<ReportSamplesResponse>> {
  if (context.passport.organisationId !== "") throw monitoringFaults.platform_only();
  for (const sample of request.samples) {
    if (board.size < boardMax || board.has(sample.replicaId)) board.set(sample.replicaId, sample);
  }
  return {};
}
