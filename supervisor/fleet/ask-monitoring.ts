import { nodeHttp } from "@tandem/libs/http";
import { parseReplicaName } from "@tandem/libs/service";
import { supervisorFaults } from "../faults.ts";
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

function ask(socketPath: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const call = nodeHttp.request(
      { socketPath, path: "/alerts", timeout: timeoutMs },
      (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (chunk: string) => {
          text += chunk;
        });
        response.on("error", reject);
        response.on("end", () => {
          try {
            resolve(JSON.parse(text));
          } catch (error) {
            reject(error);
          }
        });
      },
    );
    call.on("timeout", () => call.destroy(new Error("timeout")));
    call.on("error", reject);
    call.end();
  });
}
