import type { TopologyView } from "@tandem/contracts/rpc/monitoring/v1/monitoring_pb";
import type { MessageInit } from "@tandem/libs/rpc";
import { isPresent, judge } from "../core/verdict.ts";
import type { SampleBoard } from "./report-samples.ts";

/** Every replica as it last told, those of the topology that are silent included. */
export function getTopology(
  board: SampleBoard,
  given: { expected: readonly { id: string; deployable: string }[]; nowMs: number },
): MessageInit<TopologyView> {
  const expected = new Set(given.expected.map(({ id }) => id));
  const samples = [...board.values()]
    .map((sample) => ({ ...sample, atMs: Number(sample.atMs) }))
    // One that was replaced or scaled away is no loss; it is told for as long as it speaks.
    .filter((sample) => expected.has(sample.replicaId) || isPresent(sample, given.nowMs));
  const replicas = samples.map((sample) => ({
    ...sample,
    atMs: BigInt(sample.atMs),
    state: isPresent(sample, given.nowMs) ? sample.state : "silent",
  }));
  const silent = given.expected
    .filter(({ id }) => !board.has(id))
    .map(({ id, deployable }) => ({ replicaId: id, deployable, state: "silent" }));
  return { replicas: [...replicas, ...silent], ...judge(samples, given) };
}
