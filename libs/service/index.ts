/**
 * The life of a replica and of the process that hosts it: what it is told (`Site`), what it shows
 * (`Replica`), how it opens, becomes ready, drains and closes. Fails by refusing to start, with
 * every violation listed at once. What only those with a database need is in `service/database`.
 */

export { type Address, replicaIdAt } from "./address.ts";
export { CallTallies } from "./call-tallies.ts";
export { createLifecycle, type Lifecycle } from "./lifecycle.ts";
export { connectRpc, serveRpc } from "./rpc.ts";
export type { Replica, Site, SiteKeys, StartReplica } from "./site.ts";
export {
  type FeedFigures,
  tellFeed,
  tellHotStore,
  tellJournal,
} from "./told-figures.ts";
export {
  allowedAddresses,
  parseReplicaName,
  parseTopology,
  type ReplicaName,
  readTopology,
  replicasOf,
  type Topology,
  type TopologyProcess,
  type TopologyRoute,
  topologyProcessSchema,
  topologySchema,
} from "./topology.ts";
export { createVersionFeed, type VersionFeed } from "./version-feed.ts";
