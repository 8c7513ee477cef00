/** How the platform is: every replica as it last told, and one verdict. */
import { timeField, timeOf } from "@tandem/libs/gateway";
import { z } from "zod";
import { asCaller, route } from "./services.ts";

const replica = z
  .object({
    id: z.string(),
    deployable: z.string(),
    process: z.string(),
    state: z.string().meta({ description: "ready, unready, draining or silent." }),
    unready_checks: z.array(z.string()),
    cpu: z.number().meta({ description: "Of one CPU, over the last second." }),
    resident_bytes: z.string(),
    event_loop_delay_ms: z.number(),
    at: timeField.nullable(),
  })
  .meta({ id: "Replica" });

export const topologyRoutes = [
  route({
    method: "GET",
    path: "/api/v1/topology",
    operationId: "getTopology",
    summary: "Read how every replica is, and the platform as a whole.",
    tag: "Platform",
    access: { permission: "topology:read" },
    reply: z.object({
      state: z.string().meta({ description: "healthy, degraded or down." }),
      sentence: z.string(),
      replicas: z.array(replica),
    }),
    async handle(call, { monitoring }) {
      const view = await monitoring.getTopology({}, asCaller(call));
      return {
        body: {
          state: view.state,
          sentence: view.sentence,
          replicas: view.replicas.map((entry) => ({
            id: entry.replicaId,
            deployable: entry.deployable,
            process: entry.process,
            state: entry.state,
            unready_checks: entry.unreadyChecks,
            cpu: entry.cpu,
            resident_bytes: entry.residentBytes.toString(),
            event_loop_delay_ms: entry.eventLoopDelayMsP99,
            at: timeOf(entry.atMs),
          })),
        },
      };
    },
  }),
];
