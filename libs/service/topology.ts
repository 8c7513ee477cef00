import { z } from "zod";

const processSchema = z.strictObject({
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
  processes: z.array(processSchema).min(1),
  /** Deployable → deployables it may call. A client for anything else does not start. */
  calls: z.record(z.string(), z.array(z.string())),
  routes: z.array(routeSchema).min(1),
});

export type Topology = z.infer<typeof topologySchema>;
export type TopologyRoute = z.infer<typeof routeSchema>;
