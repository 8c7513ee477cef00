import type { TopologyProcess } from "@tandem/libs/service";

const gateways = new Set(["access", "business", "ai"]);

export function hostsGateway({ hosts }: Pick<TopologyProcess, "hosts">): boolean {
  return hosts.some((host) => gateways.has(host.split("/")[0] ?? ""));
}

/**
 * The engine is an upstream at a fixed address, with a model in its memory: it stays as it is until
 * the next start.
 */
export function isMovable({ hosts }: Pick<TopologyProcess, "hosts">): boolean {
  return !hosts.every((host) => host.startsWith("engine/"));
}
