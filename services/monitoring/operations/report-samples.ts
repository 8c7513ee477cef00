import type {
  ReportSamplesRequest,
  ReportSamplesResponse,
  Sample,
} from "@tandem/contracts/rpc/monitoring/v1/monitoring_pb";
import type { CallContext, MessageInit } from "@tandem/libs/rpc";
import type { RestartCounter } from "../core/alerts/restarts.ts";
import { monitoringFaults } from "../faults.ts";
import type { FigureBoard } from "../figure-board.ts";

/** The newest sample of each replica. Processes tell every monitoring replica, so none leads. */
export type SampleBoard = Map<string, Sample>;

interface Boards {
  readonly board: SampleBoard;
  readonly figures: FigureBoard;
  readonly restarts: RestartCounter;
  readonly nowMs: number;
}

const boardMax = 10_000;

export async function reportSamples(
  { board, figures, restarts, nowMs }: Boards,
  request: ReportSamplesRequest,
  context: CallContext,
): Promise<MessageInit<ReportSamplesResponse>> {
  if (context.passport.organisationId !== "") throw monitoringFaults.platform_only();
  for (const sample of request.samples) {
    if (board.size >= boardMax && !board.has(sample.replicaId)) continue;
    board.set(sample.replicaId, sample);
    const { replicaId, state } = sample;
    const startedAtMs = Number(sample.startedAtMs);
    restarts.hear({ replicaId, startedAtMs, isDraining: state === "draining" }, nowMs);
  }
  const hosted = request.samples.map(({ replicaId }) => replicaId).join("+");
  const [first] = request.samples;
  if (first === undefined) return {};
  const source = `${hosted} ${first.process}`;
  const keepsFigures = request.figuresUnchanged
    ? figures.renew(source, nowMs)
    : figures.put(source, request.figures, nowMs);
  return { keepsFigures };
}
