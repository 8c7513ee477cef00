import type { Port, World } from "./world.ts";

export function definePort<Way>(name: string): Port<Way> {
  return { name };
}

/** What this world supplies; undefined for the machine's own. */
export function portOf<Way>(world: Pick<World, "ports">, port: Port<Way>): Way | undefined {
  return world.ports?.get(port) as Way | undefined;
}
