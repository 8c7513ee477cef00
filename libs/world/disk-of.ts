import type { Disk } from "./disk.ts";
import { machineDisk } from "./machine-disk.ts";
import { definePort, portOf } from "./port.ts";
import type { World } from "./world.ts";

export const diskPort = definePort<Disk>("disk");

export function diskOf(world: Pick<World, "ports">): Disk {
  return portOf(world, diskPort) ?? machineDisk;
}
