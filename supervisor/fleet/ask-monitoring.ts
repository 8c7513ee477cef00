import { parseReplicaName } from "@tandem/libs/service";
import { supervisorFaults } from "../faults.ts";
import { callJson } from "../http-call.ts";
import type { ManagedProcess } from "./managed-process.ts";

const timeoutMs = 2_000;

/** Open alerts, from the first replica of monitoring that answers on its own address. */
export async function askMonitoring(
  processes: readonly ManagedProcess[],
  sockets: string,
): Promise<unknown> {
  const replicas = processes.flatMap(({ spec }) =>
    spec.hosts.map(parseReplicaName).filter(({ deployable }) => deployable === "monitoring"),
  );
  for (const { id } of replicas) {
    const answer = await ask(`${sockets}/${id}.sock`).catch(() => undefined);
    if (answer !== undefined) return answer;
  }
  throw supervisorFaults.monitoring_silent();
}

/** Undefined for what is no answer of monitoring's. */
async function ask(socketPath: string): Promise<unknown> {
  const call = { method: "GET", timeoutMs, socketPath } as const;
  const { status, body } = await callJson("http://monitoring/alerts", call);
  return status === 200 && typeof body === "object" ? body : undefined;
}
