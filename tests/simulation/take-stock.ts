import type { SimulatedTandem } from "./house/tandem.ts";

/** What there is when everything has had its time to come to rest. */
export function takeStock(
  house: SimulatedTandem,
  { ignoresHolds }: { readonly ignoresHolds: boolean },
): void {
  const { atEnd } = house.history;
  atEnd.replicas = ["router-1", "router-2", "ai-1", "ai-2"].map((name) => ({
    name,
    unready: house.replicas.get(name)?.unreadyChecks() ?? ["its start"],
  }));
  atEnd.pendingEvents = house.quota.outbox.filter(({ isParked }) => !isParked).length;
  atEnd.parkedEvents = house.quota.outbox.filter(({ isParked }) => isParked).length;
  atEnd.heldNanos = ignoresHolds ? 0n : house.quota.heldNanos;
  for (const { underWay } of house.upstreams.values()) atEnd.upstreamCalls += underWay;
}
