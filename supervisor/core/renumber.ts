import type { TopologyProcess } from "@tandem/libs/service";

/** `ai-gateway-2` → `ai-gateway`: processes of one group host the same, each once more. */
export function groupOf(processName: string): string {
  return processName.replace(/-[0-9]+$/, "");
}

/**
 * A further process like this one, with the lowest numbers that nobody has, in its name and in
 * those of its replicas. Whoever is still leaving counts too: two replicas must never share a
 * folder.
 */
export function renumber(
  spec: TopologyProcess,
  present: readonly TopologyProcess[],
): TopologyProcess {
  const group = groupOf(spec.name);
  const names = new Set(present.map(({ name }) => name));
  const hosted = new Set(present.flatMap(({ hosts }) => hosts));
  return {
    ...spec,
    name: lowestFree((number) => `${group}-${number}`, names),
    hosts: spec.hosts.map((host) => {
      const [deployable = ""] = host.split("/");
      const replica = lowestFree((number) => `${deployable}/${number}`, hosted);
      // A process may host two of a kind, which must not get the same number either.
      hosted.add(replica);
      return replica;
    }),
  };
}

function lowestFree(nameOf: (number: number) => string, taken: ReadonlySet<string>): string {
  for (let number = 1; ; number += 1) {
    const name = nameOf(number);
    if (!taken.has(name)) return name;
  }
}
