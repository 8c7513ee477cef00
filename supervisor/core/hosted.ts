import type { TopologyProcess } from "@tandem/libs/service";

/** Nobody here chooses between routers, and the engine is not replaced. */
const untried = /^(router|engine)\//;

/** It hosts a gateway or a service, so that those who call it can give it a share of their calls. */
export function isTriable({ hosts }: Pick<TopologyProcess, "hosts">): boolean {
  return hosts.some((host) => !untried.test(host));
}

/**
 * The engine is an upstream at a fixed address, with a model in its memory: it stays as it is until
 * the next start.
 */
export function isMovable({ hosts }: Pick<TopologyProcess, "hosts">): boolean {
  return !hosts.every((host) => host.startsWith("engine/"));
}
