import { parseReplicaName } from "@tandem/libs/service";
import { between, type SideFigures, sumOf } from "../core/canary.ts";
import { callJson } from "../http-call.ts";
import type { Fleet } from "./fleet.ts";
import { figuresByReplica, talliesSchema } from "./tally-figures.ts";

const timeoutMs = 2000;

/** By caller, then by the replica that it called. */
export type Tallies = ReadonlyMap<string, ReadonlyMap<string, SideFigures>>;

/**
 * What all callers have seen so far: routers of gateways, which are asked on their own doors, and
 * whoever calls a service, which every process tells with its beats while somebody is on trial. Who
 * does not answer is left out, as an older release that tells nothing is; and who is on trial
 * itself is no witness, so its calls to its neighbours in the process do not count either.
 */
export async function lookAtCallers(fleet: Fleet, sockets: string): Promise<Tallies> {
  const { processes, roster } = fleet;
  const witnesses = processes.filter(
    ({ spec }) => !spec.hosts.some((host) => parseReplicaName(host).id in roster.weights),
  );
  const told = witnesses.flatMap(({ spec, identity, beat }) => {
    if (beat?.calls === undefined) return [];
    return [[`${spec.name} ${identity?.pid}`, figuresByReplica(beat.calls)] as const];
  });
  const routers = witnesses.flatMap(({ spec, identity }) =>
    spec.hosts
      .filter((host) => host.startsWith("router/"))
      .map((host) => ({ key: `${host} ${identity?.pid}`, id: parseReplicaName(host).id })),
  );
  const answers = await Promise.all(
    routers.map(async ({ key, id }) => {
      const figures = await ask(`${sockets}/${id}.sock`).catch(() => undefined);
      return figures === undefined ? [] : [[key, figures] as const];
    }),
  );
  return new Map([...told, ...answers.flat()]);
}

/** Whoever speaks up in the middle of a step counts from its first word on. */
export function withNewcomers(before: Tallies, after: Tallies): Tallies {
  return new Map([...after, ...before]);
}

/** What these replicas did between two looks, seen by all callers. */
export function activityOf(
  isIncluded: (replicaId: string) => boolean,
  looks: { readonly before: Tallies; readonly after: Tallies },
): SideFigures {
  const sides: SideFigures[] = [];
  for (const [caller, replicas] of looks.after) {
    for (const [id, figures] of replicas) {
      if (isIncluded(id)) sides.push(between(looks.before.get(caller)?.get(id), figures));
    }
  }
  return sumOf(sides);
}

async function ask(socketPath: string): Promise<ReadonlyMap<string, SideFigures>> {
  const call = { method: "GET", timeoutMs, socketPath } as const;
  const { status, body } = await callJson("http://caller/replicas", call);
  const parsed = talliesSchema.safeParse(body);
  if (!parsed.success) throw new Error(`no tallies: ${status}`);
  return figuresByReplica(parsed.data);
}
