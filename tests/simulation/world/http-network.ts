import type { HttpNetwork } from "@tandem/libs/http";
import type { SimulatedProcess } from "./machine.ts";
import type { SimulatedNetwork } from "./network.ts";
import { SimulatedPool } from "./pool.ts";
import { SimulatedServer } from "./server.ts";

/** Servers and pools as one process opens them in a simulated network. */
export function networkFor(network: SimulatedNetwork, process: SimulatedProcess): HttpNetwork {
  process.onEnd(() => {
    for (const connection of [...network.connections]) connection.died(process);
  });
  return {
    createHttpServer: (options) => new SimulatedServer({ network, process, options }),
    createPublicServer: (options) => new SimulatedServer({ network, process, options }),
    createClientPool: (options) => new SimulatedPool({ network, process, options }),
  };
}
