import type {
  ReportAttemptsRequest,
  ReportAttemptsResponse,
} from "@tandem/contracts/rpc/inference/v1/inference_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import type { Lookout } from "../discovery/lookout.ts";
import { inferenceFaults } from "../faults.ts";

export async function reportAttempts(
  lookout: Lookout,
  request: ReportAttemptsRequest,
  context: CallContext,
): Promise<MessageInit<ReportAttemptsResponse>> {
  if (context.passport.organisationId !== "") throw inferenceFaults.platform_only();
  for (const report of request.reports) await lookout.noteAttempts(report.upstream, report);
  return {};
}
