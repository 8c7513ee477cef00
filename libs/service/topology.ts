import { readFileSync } from "node:fs";
import { z } from "zod";
import { defineFaults } from "../kernel/index.ts";
import type { Address } from "./address.ts";

export const topologyProcessSchema = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9-]*$/),
  /** Replicas it mounts: `auth/1`. */
  hosts: z.array(z.string().regex(/^[a-z]+\/[1-9][0-9]*$/)).min(1),
  /** Processes of a level start together, once the levels below are ready. */
  level: z.int().min(0).max(9),
  /** CPUs to pin it to; all when absent. */
  cpus: z.array(z.int().min(0)).optional(),
  /** Heap limit of the process in MiB. */
  heapMib: z.int().min(32).max(65_536).optional(),
});

const routeSchema = z.strictObject({
  /** Exact path, or a prefix ending in `/*`. The longest match wins. */
  path: z.string().startsWith("/"),
  /** All methods when absent. */
  methods: z.array(z.string()).optional(),
  gateway: z.enum(["access", "business", "ai"]),
  /**
   * `always`: the gateway guarantees one effect per request id, so the router may send it again
   * after a broken attempt. `idempotent`: only GET, HEAD, PUT, DELETE, or with Idempotency-Key.
   */
  replay: z.enum(["always", "idempotent"]).default("idempotent"),
});

/** The file that says which processes exist, what they host and who may call whom. */
export const topologySchema = z.strictObject({
  version: z.literal(1),
  description: z.string(),
  processes: z.array(topologyProcessSchema).min(1),
  /** Deployable → deployables it may call. A client for anything else does not start. */
  calls: z.record(z.string(), z.array(z.string())),
  routes: z.array(routeSchema).min(1),
});

export type Topology = z.infer<typeof topologySchema>;
export type TopologyProcess = z.infer<typeof topologyProcessSchema>;
export type TopologyRoute = z.infer<typeof routeSchema>;

/** `auth/2` taken apart. */
export interface ReplicaName {
  readonly deployable: string;
  readonly replica: number;
  /** `auth-2`. */
  readonly id: string;
}

const faults = defineFaults("topology", {
  invalid: {
    code: "invalid_argument",
    blame: "config",
    retry: "never",
    publicMessage: "The topology is invalid.",
  },
  call_not_allowed: {
    code: "failed_precondition",
    blame: "config",
    retry: "never",
    publicMessage: "The topology does not allow this call.",
  },
});

/** `auth/2` → its parts. The text has passed the schema. */
export function parseReplicaName(text: string): ReplicaName {
  const [deployable = "", number = ""] = text.split("/");
  return { deployable, replica: Number(number), id: `${deployable}-${number}` };
}

/** The replicas a topology hosts, of one deployable or of all, in the order of their processes. */
export function replicasOf(topology: Topology, deployable?: string): readonly ReplicaName[] {
  return topology.processes
    .flatMap((process) => process.hosts.map(parseReplicaName))
    .filter((name) => deployable === undefined || name.deployable === deployable);
}

/** Reads and checks a topology file. Throws one `topology.invalid` fault that lists everything. */
export function readTopology(path: string): Topology {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw faults.invalid({
      publicMessage: `The topology file ${path} cannot be read: ${reason}. Correct it or --topology.`,
      cause: error,
    });
  }
  return parseTopology(value, path);
}

/** Checks a topology as a whole: its form, and then that its parts fit one another. */
export function parseTopology(value: unknown, source = "the topology"): Topology {
  const parsed = topologySchema.safeParse(value);
  const problems = parsed.success
    ? [...processProblems(parsed.data), ...callProblems(parsed.data), ...routeProblems(parsed.data)]
    : parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
  if (parsed.success && problems.length === 0) return parsed.data;
  const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
  throw faults.invalid({
    publicMessage: `${source} has ${count}; nothing was started.\n  ${problems.join("\n  ")}`,
  });
}

function processProblems(topology: Topology): readonly string[] {
  const problems: string[] = [];
  const processes = new Set<string>();
  const hostOf = new Map<string, string>();
  for (const { name, hosts } of topology.processes) {
    if (processes.has(name)) problems.push(`process ${name} is listed twice; rename one`);
    processes.add(name);
    for (const replica of hosts) {
      const other = hostOf.get(replica);
      if (other !== undefined) {
        problems.push(`replica ${replica} is hosted by ${other} and by ${name}; number it anew`);
      }
      hostOf.set(replica, name);
    }
  }
  for (const deployable of new Set(replicasOf(topology).map((name) => name.deployable))) {
    const numbers = new Set(replicasOf(topology, deployable).map((name) => name.replica));
    for (let number = 1; number <= numbers.size; number += 1) {
      if (numbers.has(number)) continue;
      problems.push(`${deployable}/${number} is missing; number its replicas from 1 without gaps`);
    }
  }
  return problems;
}

function callProblems(topology: Topology): readonly string[] {
  const hosted = new Set(replicasOf(topology).map((name) => name.deployable));
  const problems: string[] = [];
  for (const [caller, targets] of Object.entries(topology.calls)) {
    if (!hosted.has(caller)) problems.push(`calls.${caller}: no process hosts ${caller}`);
    const seen = new Set<string>();
    for (const target of targets) {
      if (!hosted.has(target)) problems.push(`calls.${caller}: no process hosts ${target}`);
      if (seen.has(target)) problems.push(`calls.${caller}: ${target} is listed twice`);
      seen.add(target);
    }
  }
  return problems;
}

function routeProblems(topology: Topology): readonly string[] {
  const hosted = new Set(replicasOf(topology).map((name) => name.deployable));
  const problems: string[] = [];
  const seen = new Set<string>();
  for (const { path, methods = ["*"], gateway } of topology.routes) {
    if (path.slice(0, -2).includes("*") || (path.endsWith("*") && !path.endsWith("/*"))) {
      problems.push(`route ${path}: a "*" may stand only behind the last "/"`);
    }
    if (!hosted.has(gateway)) problems.push(`route ${path}: no process hosts gateway ${gateway}`);
    for (const method of methods) {
      if (method !== method.toUpperCase())
        problems.push(`route ${path}: write ${method} in capitals`);
      const key = `${method} ${path}`;
      if (seen.has(key)) problems.push(`route ${path}: listed twice for method ${method}`);
      seen.add(key);
    }
  }
  return problems;
}

/**
 * What `Site.addressesOf` is made of: where the replicas of a deployable listen, for a caller that
 * the topology allows to call it. Throws `topology.call_not_allowed` for any other: a new arrow is
 * a decision, not an import.
 */
export function allowedAddresses(options: {
  readonly topology: Topology;
  readonly caller: string;
  readonly addressOf: (name: ReplicaName) => Address;
}): (deployable: string) => readonly Address[] {
  const { topology, caller, addressOf } = options;
  const allowed = new Set(topology.calls[caller] ?? []);
  return (deployable) => {
    if (!allowed.has(deployable)) {
      throw faults.call_not_allowed({
        publicMessage:
          `${caller} may not call ${deployable}: the topology has no such arrow. ` +
          `Add "${deployable}" to calls.${caller} if the design wants it.`,
      });
    }
    return replicasOf(topology, deployable).map(addressOf);
  };
}
