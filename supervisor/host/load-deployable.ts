import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { StartReplica } from "@tandem/libs/service";

const gateways = new Set(["access", "business", "ai"]);

/** The entrance of a deployable, relative to the source folder. */
export function entranceOf(deployable: string): string {
  if (deployable === "router") return "router/main.ts";
  if (deployable === "engine") return "services/inference/engine/main.ts";
  return `${gateways.has(deployable) ? "gateways" : "services"}/${deployable}/main.ts`;
}

/**
 * Loads a deployable by name. The host is the only program that does: deployables never import one
 * another, so which of them share a process is the topology's choice.
 */
export async function loadDeployable(
  sourceFolder: string,
  deployable: string,
): Promise<StartReplica> {
  const url = pathToFileURL(join(sourceFolder, entranceOf(deployable)));
  const { start } = (await import(url.href)) as { readonly start?: unknown };
  if (typeof start !== "function") throw new TypeError(`${url.pathname} exports no start()`);
  return start as StartReplica;
}
