import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { idleModel, startTandem } from "@tandem/libs/testing";
import { z } from "zod";
import { contenderNames } from "../budgets.ts";
import { type Contender, loadCore, type Place, pathCore } from "./contender.ts";

/**
 * The product, with everything on that is on for every user: keys, scopes, limits, reservation,
 * settlement, cache, metrics, log. One router and one `ai` gateway share the measured core; the
 * services, which the steady path does not call, live on the other one.
 */
export async function startTandemPaths(place: Place): Promise<readonly Contender[]> {
  const topology = join(place.folder, "bench.json");
  writeFileSync(topology, JSON.stringify(pinnedTopology()));
  const product = await startTandem({
    topology,
    settings: {
      // A thousand streams from one address are a bench, not an attack.
      router: { connectionsPerAddressMax: 100_000 },
      // Limits that are never reached are counted all the same.
      quota: { requestsPerMinute: 10 ** 9, tokensPerMinute: 10 ** 12, concurrency: 10 ** 6 },
      // Resumable streams that a scenario left must not go on beside the next one's.
      ai: { resume: { graceMs: "0s" } },
      // Every call costs money, so each reserves and settles.
      access: { setup: { initialCredit: "999999" } },
      models: {
        models: ["mock-1", idleModel].map((id) => ({
          ...{ id, contextTokens: 131_072, price: { inputPerMillion: "1", outputPerMillion: "2" } },
          targets: [{ upstream: "instant", model: id }],
        })),
      },
      inference: {
        upstreams: [
          {
            name: "instant",
            profile: "vllm",
            baseUrl: `http://127.0.0.1:${place.upstreamPort}/v1`,
          },
        ],
      },
    },
  });
  const { processes, runDirectory } = await product.status();
  const pidOf = (name: string): number => {
    const pid = processes.find((one) => one.name === name)?.pid;
    if (pid === undefined) throw new Error(`${name} is not running`);
    return pid;
  };
  const door = { port: Number(new URL(product.origin).port) };
  const socket = { port: 0, unixPath: join(runDirectory, "sockets/ai-1.sock") };
  const shared = {
    version: "of this commit",
    headers: { authorization: `Bearer ${product.apiKey}` },
  };
  return [
    {
      ...shared,
      name: contenderNames.tandem,
      pids: [pidOf(routerProcess), pidOf(gatewayProcess)],
      unary: door,
      stream: door,
      stop: async () => void (await product.stop()),
    },
    {
      ...shared,
      name: contenderNames.untranslated,
      pids: [pidOf(routerProcess), pidOf(gatewayProcess)],
      unary: door,
      stream: door,
      stop: () => Promise.resolve(),
    },
    {
      ...shared,
      name: contenderNames.gatewayAlone,
      pids: [pidOf(gatewayProcess)],
      unary: socket,
      stream: socket,
      stop: () => Promise.resolve(),
    },
  ];
}

const routerProcess = "router-1";
const gatewayProcess = "ai-gateway-1";

const topologySchema = z.looseObject({
  processes: z.array(z.looseObject({ name: z.string() })),
});

/** The default topology with one replica of each, and each process on the core that is its own. */
function pinnedTopology(): object {
  const file = new URL("../../topology/tandem.json", import.meta.url);
  const topology = topologySchema.parse(JSON.parse(readFileSync(file, "utf8")));
  return {
    ...topology,
    description: "For bench/: the measured path on a core of its own.",
    processes: topology.processes
      .filter(({ name }) => name.endsWith("-1"))
      .map((process) => {
        const isMeasured = [routerProcess, gatewayProcess].includes(process.name);
        return { ...process, cpus: [isMeasured ? pathCore : loadCore] };
      }),
  };
}
