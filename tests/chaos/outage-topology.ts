import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { services } from "./outage-probes.ts";

interface ProcessLine {
  readonly name: string;
  readonly hosts: readonly string[];
}

const defaultFile = join(import.meta.dirname, "../../topology/tandem.json");

/**
 * Writes the default topology with each service of the access and business domains in processes of
 * its own, so that a service can die alone. Gives the file's path.
 */
export function writeApartTopology(folder: string): string {
  const topology = JSON.parse(readFileSync(defaultFile, "utf8")) as {
    readonly processes: readonly ProcessLine[];
  };
  const processes = topology.processes.flatMap((process) =>
    process.hosts.some((host) => services.some((name) => host.startsWith(`${name}/`)))
      ? process.hosts.map((host) => ({
          ...process,
          name: host.replace("/", "-"),
          hosts: [host],
          heapMib: 256,
        }))
      : [process],
  );
  const path = join(folder, "apart.json");
  writeFileSync(path, JSON.stringify({ ...topology, processes }));
  return path;
}
