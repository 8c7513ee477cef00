import { request } from "node:http";
import { z } from "zod";
import { between, type SideFigures, sumOf } from "../core/canary.ts";
import type { ManagedProcess } from "./managed-process.ts";

const talliesSchema = z.array(
  z.object({
    name: z.string(),
    attempts: z.number(),
    failures: z.number(),
    latencyCounts: z.array(z.number()),
    latencyBoundsMs: z.array(z.number()),
  }),
);

const timeoutMs = 2000;

/** By router, then by gateway replica: counters that only grow while that router lives. */
export type Tallies = ReadonlyMap<string, ReadonlyMap<string, SideFigures>>;

/** Asks every router on its own door; one that does not answer is left out. */
export async function askRouters(
  processes: readonly ManagedProcess[],
  sockets: string,
): Promise<Tallies> {
  const routers = processes.flatMap(({ spec, identity }) =>
    spec.hosts
      .filter((host) => host.startsWith("router/"))
      .map((host) => ({ key: `${host} ${identity?.pid}`, id: host.replace("/", "-") })),
  );
  const answers = await Promise.all(
    routers.map(async ({ key, id }) => {
      const figures = await ask(`${sockets}/${id}.sock`).catch(() => undefined);
      return figures === undefined ? [] : [[key, figures] as const];
    }),
  );
  return new Map(answers.flat());
}

/** What these replicas did between two looks, seen by all routers that were there both times. */
export function activityOf(
  isIncluded: (replicaId: string) => boolean,
  looks: { readonly before: Tallies; readonly after: Tallies },
): SideFigures {
  const sides: SideFigures[] = [];
  for (const [router, replicas] of looks.after) {
    for (const [id, figures] of replicas) {
      if (isIncluded(id)) sides.push(between(looks.before.get(router)?.get(id), figures));
    }
  }
  return sumOf(sides);
}

function ask(socketPath: string): Promise<ReadonlyMap<string, SideFigures>> {
  return new Promise((resolve, reject) => {
    const call = request({ socketPath, path: "/replicas", timeout: timeoutMs }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("error", reject);
      response.on("end", () => {
        const parsed = talliesSchema.safeParse(text.startsWith("[") ? JSON.parse(text) : undefined);
        if (!parsed.success) reject(new Error(`no tallies: ${response.statusCode}`));
        else {
          const entries = parsed.data.map(({ name, latencyBoundsMs: boundsMs, ...figures }) => {
            return [name, { ...figures, boundsMs }] as const;
          });
          resolve(new Map(entries));
        }
      });
    });
    call.on("timeout", () => call.destroy(new Error("timeout")));
    call.on("error", reject);
    call.end();
  });
}
